"""What is allowed but most likely not meant is told, once."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.apps.deployment import DEPLOYMENT
from kubelite.api.core.pod.kind import POD
from kubelite.machinery.kind import Kind
from tests.unit.api.objects import decoded, pod_spec, pod_wire, replica_set_wire


def warnings(kind: Kind, wire: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    assert kind.warnings is not None
    return kind.warnings(decoded(kind, wire), decoded(kind, old) if old is not None else None)


TWICE = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
CASES: list[Any] = [
    pytest.param(pod_wire(), [], id="nothing"),
    pytest.param(
        pod_wire({"env": TWICE}),
        ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'],
        id="variable-twice",
    ),
    pytest.param(
        pod_wire({"ports": [{"containerPort": 80}, {"containerPort": 80}]}),
        ["spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]"],
        id="port-twice",
    ),
    pytest.param(
        pod_wire(nodeSelector={"beta.kubernetes.io/os": "linux"}),
        ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
        id="old-label",
    ),
    pytest.param(
        pod_wire(volumes=[{"name": "v", "gitRepo": {"repository": "r"}}]),
        ["spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+"],
        id="old-volume",
    ),
    pytest.param(
        pod_wire(metadata={"name": "a.b"}),
        [
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
            "a DNS label is recommended: [must not contain dots]"
        ],
        id="name-with-dots",
    ),
]


@pytest.mark.parametrize(("wire", "expected"), CASES)
def test_warnings_about_a_pod(wire: dict[str, Any], expected: list[str]) -> None:
    assert warnings(POD, wire) == expected


def test_an_update_that_leaves_the_spec_alone_is_not_warned_about() -> None:
    wire = pod_wire({"env": TWICE})
    assert warnings(POD, wire, wire) == []


def test_a_deployment_is_warned_about_its_template() -> None:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": pod_spec({"env": TWICE})}
    assert warnings(DEPLOYMENT, replica_set_wire(template=template)) == [
        'spec.template.spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'
    ]
