"""Which APIServices a server keeps, and in which order groups stand."""

from __future__ import annotations

import pytest

from kubelite import api
from kubelite.api.types.apiregistration_v1 import APIService, APIServiceSpec
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.aggregator import priorities
from kubelite.apiserver.aggregator.backend import user_headers
from kubelite.apiserver.aggregator.declared import (
    ALWAYS,
    LABEL,
    ON_START,
    Availability,
    local_services,
    plan,
    set_available,
)
from kubelite.apiserver.aggregator.learned import beside, part_of_v2, resources_of_list
from kubelite.apiserver.openapi.whole import mark
from kubelite.apiserver.request import UserInfo


def service(name: str, label: str | None = ON_START, priority: int = 15) -> APIService:
    labels = {} if label is None else {LABEL: label}
    version, _, group = name.partition(".")
    spec = APIServiceSpec(group=group, version=version, groupPriorityMinimum=1000, versionPriority=priority)
    return APIService(metadata=ObjectMeta(name=name, labels=labels), spec=spec)


@pytest.mark.parametrize(
    ("wanted", "present", "starting", "expected"),
    [
        (service("v1.a"), None, True, "create"),
        (service("v1.a"), None, False, ""),
        (service("v1.a", ALWAYS), None, False, "create"),
        (service("v1.a"), service("v1.a", priority=1), True, "update"),
        (service("v1.a"), service("v1.a", priority=1), False, ""),
        (service("v1.a", ALWAYS), service("v1.a", ALWAYS, 1), False, "update"),
        (service("v1.a", ALWAYS), service("v1.a", ALWAYS), False, ""),
        (service("v1.a"), service("v1.a", None, 1), True, ""),
        (None, service("v1.a"), True, "delete"),
        (None, service("v1.a"), False, ""),
        (None, service("v1.a", ALWAYS), False, "delete"),
        (None, service("v1.a", None), True, ""),
    ],
)
def test_what_is_put_right_depends_on_the_label_and_the_moment(
    wanted: APIService | None, present: APIService | None, starting: bool, expected: str
) -> None:
    todo = plan(
        {} if wanted is None else {"v1.a": wanted}, {} if present is None else {"v1.a": present}, starting=starting
    )
    assert [name for name in ("create", "update", "delete") if getattr(todo, name)] == ([expected] if expected else [])


def test_every_group_version_but_that_of_apiservices_has_one() -> None:
    found = local_services(api.scheme())
    served = {f"{kind.version}.{kind.group}" for kind in api.scheme() if kind.verbs}
    assert served - set(found) == {"v1.apiregistration.k8s.io"}
    for one in found.values():
        limits = (one.spec.groupPriorityMinimum or 0, one.spec.versionPriority or 0)
        assert 0 < limits[0] <= 20000 and 0 < limits[1] <= 1000


def test_the_time_of_the_condition_changes_with_its_status_only() -> None:
    one = service("v1.a")
    set_available(Availability("False", "ServiceNotFound", "a"), "1")(one)
    set_available(Availability("False", "MissingEndpoints", "b"), "2")(one)
    assert [(c.reason, c.message, c.lastTransitionTime) for c in one.status.conditions] == [
        ("MissingEndpoints", "b", "1")
    ]
    set_available(Availability("True", "Passed", "c"), "3")(one)
    assert one.status.conditions[0].lastTransitionTime == "3"


def test_newer_and_more_stable_versions_come_first() -> None:
    names = ["v1beta1", "v10", "v2alpha3", "foo10", "v2", "v1", "v11beta2", "bar"]
    assert sorted(names, key=priorities.version_rank) == [
        "v10",
        "v2",
        "v1",
        "v11beta2",
        "v1beta1",
        "v2alpha3",
        "bar",
        "foo10",
    ]


def test_headers_of_a_user_cannot_carry_more_than_they_say() -> None:
    user = UserInfo("a\r\nX-Remote-Group: system:masters", "", ("g1", "g2"), {"a.com/b c%": ("1", "2")})
    assert user_headers(user) == [
        "X-Remote-User: a  X-Remote-Group: system:masters",
        "X-Remote-Group: g1",
        "X-Remote-Group: g2",
        "X-Remote-Extra-a.com%2Fb%20c%25: 1",
        "X-Remote-Extra-a.com%2Fb%20c%25: 2",
    ]


def test_a_plain_resource_list_becomes_the_aggregated_form() -> None:
    body = b"""{"groupVersion":"g/v1","resources":[
        {"name":"xs/scale","kind":"Scale","group":"autoscaling","version":"v1","verbs":["get"]},
        {"name":"xs","kind":"X","namespaced":true,"verbs":["get","list"],"shortNames":["x"]},{"name":7},"no object"]}"""
    (row, *others) = resources_of_list(body)
    assert row == {
        "resource": "xs",
        "responseKind": {"group": "g", "version": "v1", "kind": "X"},
        "scope": "Namespaced",
        "singularResource": "x",
        "verbs": ["get", "list"],
        "shortNames": ["x"],
        "subresources": [
            {
                "subresource": "scale",
                "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
                "verbs": ["get"],
            }
        ],
    }
    assert [one["resource"] for one in others] == ["7"]


def test_definitions_of_one_name_with_different_content_are_kept_apart() -> None:
    own = {"Meta": {"type": "object"}, "Same": {"type": "string"}}
    part = {
        "definitions": {
            "Meta": {"type": "object", "description": "another"},
            "Same": {"type": "string"},
            "X": {"properties": {"m": {"$ref": "#/definitions/Meta"}, "s": {"$ref": "#/definitions/Same"}}},
        },
        "paths": {"/a": {"not": "this"}, "/b": {"get": {"schema": {"$ref": "#/definitions/X"}}}},
    }
    paths, definitions = beside(part, {"/a"}, {name: mark(one) for name, one in own.items()}, mark)
    assert paths == {"/b": {"get": {"schema": {"$ref": "#/definitions/X"}}}}
    assert definitions["X"]["properties"] == {
        "m": {"$ref": "#/definitions/Meta_v2"},
        "s": {"$ref": "#/definitions/Same"},
    }
    assert sorted(definitions) == ["Meta_v2", "X"]


def test_only_what_a_group_version_uses_is_taken_from_its_server() -> None:
    document = {
        "paths": {"/apis/g/v1/x": {"$ref": "#/definitions/A"}, "/apis/g/v10/x": {}, "/version": {}},
        "definitions": {"A": {"items": [{"$ref": "#/definitions/A"}]}, "B": {}},
    }
    assert part_of_v2(document, "/apis/g/v1") == {
        "paths": {"/apis/g/v1/x": {"$ref": "#/definitions/A"}},
        "definitions": {"A": {"items": [{"$ref": "#/definitions/A"}]}},
    }
