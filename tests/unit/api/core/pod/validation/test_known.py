"""A pod like one that was right before is checked in what may differ, and a wrong one is told all its mistakes again."""

from __future__ import annotations

import json

import pytest

from kubelite.api.core.pod.defaults import default_pod
from kubelite.api.core.pod.validation.known import Known, outline_of_spec, outline_of_volume
from kubelite.api.core.pod.validation.spec import validate_pod, validate_template
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import codec
from kubelite.machinery.fielderrors import Path


def pod(**spec: object) -> v1.Pod:
    container = {
        "name": "app",
        "image": "app:1",
        "env": [{"name": "A", "value": "1"}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    whole = {"containers": [container], "volumes": [{"name": "data", "emptyDir": {}}], **spec}
    body = {"metadata": {"name": "web"}, "spec": whole}
    made: v1.Pod = codec.decode(json.dumps(body).encode(), v1.Pod)
    made.spec.serviceAccountName = "default"
    default_pod(made)
    return made


def mistakes(made: v1.Pod) -> list[str]:
    return [str(error) for error in validate_pod(made)]


@pytest.fixture(autouse=True)
def known_before() -> None:
    """The plain pod was seen before."""
    assert mistakes(pod()) == []
    assert mistakes(pod()) == []


def test_a_wrong_variable_of_a_known_spec_is_refused() -> None:
    wrong = pod()
    wrong.spec.containers[0].env[0].name = ""
    assert mistakes(wrong) == ["spec.containers[0].env[0].name: Required value"]


def test_a_mount_of_a_missing_volume_in_a_known_spec_is_refused() -> None:
    wrong = pod()
    wrong.spec.volumes = []
    assert mistakes(wrong) == ['spec.containers[0].volumeMounts[0].name: Not found: "data"']


def test_a_mount_of_an_init_container_is_checked_again() -> None:
    init = [{"name": "init", "image": "app:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]
    assert mistakes(pod(initContainers=init)) == []
    init[0]["volumeMounts"] = [{"name": "other", "mountPath": "/data"}]
    assert mistakes(pod(initContainers=init)) == ['spec.initContainers[0].volumeMounts[0].name: Not found: "other"']


def test_mistakes_are_told_every_time() -> None:
    wrong = pod(restartPolicy="Sometimes")
    first = mistakes(wrong)
    assert first
    assert mistakes(wrong) == first


def test_a_known_volume_still_needs_a_name_of_its_own() -> None:
    twice = [{"name": "data", "emptyDir": {}}, {"name": "data", "emptyDir": {}}]
    assert mistakes(pod(volumes=twice)) == ['spec.volumes[1].name: Duplicate value: "data"']


def test_a_missing_grace_period_is_told_beside_known_volumes() -> None:
    wrong = pod()
    wrong.spec.terminationGracePeriodSeconds = None
    assert mistakes(wrong) == ["spec.terminationGracePeriodSeconds: Required value"]


def test_what_a_template_may_have_is_not_taken_for_right_in_a_pod() -> None:
    made = pod(volumes=[{"name": "data", "image": {"pullPolicy": "Always"}}])
    template = v1.PodTemplateSpec(spec=made.spec)
    assert validate_template(template, Path("template")) == []
    assert any("spec.volumes[0].image.reference" in text for text in mistakes(made))


def test_outlines_differ_in_everything_that_is_not_checked_again() -> None:
    plain = pod()
    other = pod(hostNetwork=True)
    renamed = pod(volumes=[{"name": "other", "emptyDir": {}}])
    assert outline_of_spec(plain.spec) != outline_of_spec(other.spec)
    assert outline_of_spec(plain.spec) == outline_of_spec(renamed.spec)
    assert outline_of_volume(plain.spec.volumes[0]) == outline_of_volume(renamed.spec.volumes[0])


def test_an_outline_leaves_the_pod_as_it_is() -> None:
    made = pod()
    before = codec.encode(made)
    outline_of_spec(made.spec)
    outline_of_volume(made.spec.volumes[0])
    assert codec.encode(made) == before


def test_only_so_many_and_so_long_outlines_are_remembered() -> None:
    known = Known()
    for number in range(2000):
        known.add(b"%d" % number)
    assert b"0" not in known
    assert b"1999" in known
    known.add(b"x" * 10_000)
    assert b"x" * 10_000 not in known
