"""Every declared kind is complete and consistent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kubelite.api import DECLARATIONS, KINDS, scheme
from kubelite.api.schemas import openapi_name, patch_schema
from kubelite.machinery import codec
from kubelite.machinery.kind import Kind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.api_version}-{kind.kind}")


def _smallest(kind: Kind) -> object:
    obj = codec.convert({"metadata": {"name": "a", "namespace": "b" if kind.namespaced else ""}}, kind.type)
    kind.set_defaults(obj)
    return kind.to_stored(obj) if kind.to_stored else obj


def test_no_declaration_stands_twice() -> None:
    assert len(set(DECLARATIONS)) == len(DECLARATIONS) == len(scheme().kinds)


@every_kind
def test_rows_fit_the_columns_of_even_the_smallest_object(kind: Kind) -> None:
    if kind.row is not None:
        assert len(kind.row(_smallest(kind), NOW)) == len(kind.columns)
    assert [column.name for column in kind.columns if column.format == "name"]


@every_kind
def test_validation_and_selectable_fields_stand_the_smallest_object(kind: Kind) -> None:
    obj = _smallest(kind)
    kind.validate(obj)
    kind.validate_update(obj, obj)
    assert all(isinstance(read(obj), str) for read in kind.selectable.values())


@every_kind
def test_defaults_applied_twice_change_nothing_more(kind: Kind) -> None:
    obj = codec.convert({"metadata": {"name": "a"}}, kind.type)
    kind.set_defaults(obj)
    once = codec.encode(obj)
    kind.set_defaults(obj)
    assert codec.encode(obj) == once


@every_kind
def test_a_kind_has_a_schema_and_a_patch_schema(kind: Kind) -> None:
    assert openapi_name(kind.api_version, kind.kind)
    assert patch_schema(kind.api_version, kind.kind).field("metadata").field("finalizers").merges


@every_kind
def test_a_kind_is_found_by_every_name(kind: Kind) -> None:
    found = scheme()
    assert found.by_kind(kind.api_version, kind.kind) is kind
    assert found.by_resource(kind.group, kind.version, kind.plural) is kind
    if kind.verbs:
        qualified = f"{kind.plural}.{kind.version}.{kind.group}" if kind.group else kind.plural
        assert found.by_name(qualified) is kind


def test_short_names_lead_to_the_older_group_first() -> None:
    names = {
        "no": "Node",
        "ns": "Namespace",
        "cm": "ConfigMap",
        "sa": "ServiceAccount",
        "ep": "Endpoints",
        "pc": "PriorityClass",
    }
    assert {name: getattr(scheme().by_name(name), "kind", None) for name in names} == names
    event = scheme().by_name("ev")
    assert event is not None and event.api_version == "v1"


def test_keys_are_where_operators_of_kubernetes_expect_them() -> None:
    found = scheme()

    def key(api_version: str, kind: str) -> str:
        declared = found.by_kind(api_version, kind)
        assert declared is not None
        return declared.key("ns", "x")

    assert key("v1", "Node") == "/registry/minions/x"
    assert key("v1", "Endpoints") == "/registry/services/endpoints/ns/x"
    assert key("v1", "ConfigMap") == "/registry/configmaps/ns/x"
    assert key("events.k8s.io/v1", "Event") == key("v1", "Event") == "/registry/events/ns/x"
    assert key("coordination.k8s.io/v1", "Lease") == "/registry/leases/ns/x"
    assert key("rbac.authorization.k8s.io/v1", "ClusterRole") == "/registry/clusterroles/x"
