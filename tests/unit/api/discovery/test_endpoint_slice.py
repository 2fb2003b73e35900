"""EndpointSlices: names in hints, what version 1 no longer writes, and warnings."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.discovery.endpoint_slice import ENDPOINT_SLICE
from kubelite.apiserver.registry.metadata import grow_generation
from tests.unit.api.objects import decoded, texts


def piece(labels: dict[str, str] | None = None, family: str = "IPv4", **endpoint: Any) -> Any:
    body = {"addresses": ["10.0.0.1"], **endpoint}
    meta = {"name": "s", "namespace": "default", "labels": labels or {}}
    return decoded(ENDPOINT_SLICE, {"metadata": meta, "addressType": family, "endpoints": [body]})


def zones(*names: str) -> dict[str, Any]:
    return {"forZones": [{"name": name} for name in names]}


@pytest.mark.parametrize(
    ("endpoint", "wrong"),
    [
        ({"hints": {**zones("a", "b"), "forNodes": [{"name": "n"}]}, "nodeName": "n"}, []),
        ({"hints": zones(*"abcdefghi")}, ["endpoints[0].hints.forZones: Too many: 9: must have at most 8 items"]),
        ({"hints": zones("a", "a")}, ['endpoints[0].hints.forZones[1].name: Duplicate value: "a"']),
        (
            {"hints": {"forNodes": [{"name": "n"}] * 9}},
            ["endpoints[0].hints.forNodes: Too many: 9: must have at most 8 items"],
        ),
    ],
)
def test_hints_are_few_and_each_is_another(endpoint: dict[str, Any], wrong: list[str]) -> None:
    assert texts(ENDPOINT_SLICE.validate(piece(**endpoint))) == wrong


@pytest.mark.parametrize(
    ("endpoint", "field"),
    [
        ({"nodeName": "A_B"}, "endpoints[0].nodeName"),
        ({"hints": zones("a b")}, "endpoints[0].hints.forZones[0].name"),
        ({"hints": {"forNodes": [{"name": "A_B"}]}}, "endpoints[0].hints.forNodes[0].name"),
    ],
)
def test_zones_and_nodes_have_proper_names(endpoint: dict[str, Any], field: str) -> None:
    assert [one.field for one in ENDPOINT_SLICE.validate(piece(**endpoint))] == [field]


def test_the_topology_of_old_is_not_written_any_more() -> None:
    assert ENDPOINT_SLICE.prepare_create is not None and ENDPOINT_SLICE.prepare_update is not None
    old_topology = {"kubernetes.io/hostname": "n", "x": "y"}
    made = piece(deprecatedTopology=old_topology)
    ENDPOINT_SLICE.prepare_create(made)
    assert made.endpoints[0].deprecatedTopology == {}
    stored = piece(deprecatedTopology=old_topology)
    same = piece({"a": "b"}, deprecatedTopology=old_topology)
    ENDPOINT_SLICE.prepare_update(same, stored)
    assert same.endpoints[0].deprecatedTopology == old_topology
    changed = piece(deprecatedTopology=old_topology, zone="z")
    ENDPOINT_SLICE.prepare_update(changed, stored)
    assert (changed.endpoints[0].deprecatedTopology, changed.endpoints[0].nodeName) == ({}, "n")
    unknown = piece(deprecatedTopology={"kubernetes.io/hostname": "other"}, zone="z")
    ENDPOINT_SLICE.prepare_update(unknown, stored)
    assert unknown.endpoints[0].nodeName == ""


def test_names_as_addresses_and_odd_addresses_are_warned_of() -> None:
    assert ENDPOINT_SLICE.warnings is not None
    named = piece(family="FQDN", addresses=["example.com"])
    assert ENDPOINT_SLICE.warnings(named, None) == ["spec.addressType: FQDN endpoints are deprecated"]
    assert ENDPOINT_SLICE.warnings(named, named) == []
    odd = piece(family="IPv6", addresses=["2001:DB8::1"])
    text = (
        'endpoints[0].addresses[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")'
    )
    assert ENDPOINT_SLICE.warnings(odd, odd) == [text]
    ours = piece(
        {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}, addresses=["2001:DB8::1"]
    )
    assert ENDPOINT_SLICE.warnings(ours, None) == []


def test_the_generation_grows_with_endpoints_and_labels() -> None:
    for changed, grown in ((piece(), 3), (piece({"a": "b"}), 4), (piece(zone="z"), 4)):
        old = piece()
        old.metadata.generation = changed.metadata.generation = 3
        grow_generation(changed, old, ENDPOINT_SLICE)
        assert changed.metadata.generation == grown
