"""Apply configurations and JSON patches of policies, on plain objects."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite import api
from kubelite.api import ownership
from kubelite.api.admissionregistration import expressions
from kubelite.apiserver.admission.policies import patching
from kubelite.apiserver.admission.policies.failures import CannotPatch

DEPLOYMENT = next(kind for kind in api.KINDS if kind.kind == "Deployment" and kind.stored_as is None)
SHAPE = ownership.shape_of(DEPLOYMENT)
OBJECT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "annotations": {"own": "1"}},
    "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "x", "args": ["1"]}]}}},
}
CONTAINERS = (
    "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [%s]}}}}"
)
CONTAINER = "Object.spec.template.spec.containers{%s}"


def value(text: str) -> Any:
    return expressions.environment(mutates=True).compile(text).evaluate({"object": OBJECT})


def containers(*found: str) -> str:
    return CONTAINERS % ", ".join(CONTAINER % one for one in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (containers("name: 'a', image: 'y'"), [{"name": "a", "image": "y", "args": ["1"]}]),
        (
            containers("name: 'b', image: 'y'"),
            [{"name": "a", "image": "x", "args": ["1"]}, {"name": "b", "image": "y"}],
        ),
    ],
)
def test_lists_merge_by_their_keys(text: str, expected: list[Any]) -> None:
    found = patching.applied(value(text), OBJECT, SHAPE)
    assert found["spec"]["template"]["spec"]["containers"] == expected
    assert OBJECT["spec"]["template"]["spec"]["containers"][0]["image"] == "x"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (containers("name: 'a', args: ['2']"), "structs: .spec.template.spec.containers[0].args"),
        ("Object{metadata: Object.metadata{annotations: {'a': 1}}}", ".metadata.annotations.a: expected string"),
        ("{'metadata': {}}", "unsupported return type from ApplyConfiguration expression: dict"),
        ("Object{metadata: Object.metadata{labels: {1: 'x'}}}", "unsupported key type int, expected string"),
        (
            "Object{metadata: Object.metadata{labels: {'a': url('http://a')}}}",
            "unsupported value of type kubernetes.URL",
        ),
        ("Object{metadata: Object.metadata{labels: {'a': 1.0 / 0.0}}}", "unsupported value inf"),
        ("Object{spec: Object.metadata{}}", 'unexpected type name "Object.metadata", expected "Object.spec"'),
    ],
)
def test_what_does_not_fit_is_refused(text: str, why: str) -> None:
    with pytest.raises(CannotPatch) as refused:
        patching.applied(value(text), OBJECT, SHAPE)
    assert why in str(refused.value)


def test_optional_fields_without_a_value_are_left_out() -> None:
    text = "Object{metadata: Object.metadata{?labels: object.metadata.?labels, annotations: {'a': 'b'}}}"
    found = patching.applied(value(text), OBJECT, SHAPE)
    assert found["metadata"] == {"name": "web", "annotations": {"own": "1", "a": "b"}}


def test_json_patches_take_values_made_of_messages() -> None:
    text = "[JSONPatch{op: 'add', path: '/spec/strategy', value: Object.spec.strategy{type: 'Recreate'}}]"
    assert patching.patched(value(text), OBJECT)["spec"]["strategy"] == {"type": "Recreate"}
    with pytest.raises(CannotPatch, match="JSON Patch: "):
        patching.patched(value("[JSONPatch{op: 'remove', path: '/spec/none'}]"), OBJECT)
