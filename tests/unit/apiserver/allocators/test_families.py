"""Address families of Services in a cluster that has one."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.types.core_v1 import Service, ServiceSpec
from kubelite.apiserver.allocators.families import settle


def service(**spec: Any) -> Service:
    return Service(spec=ServiceSpec(**{"type": "ClusterIP", "selector": {"a": "b"}, **spec}))


FREE = {"clusterIP": "None", "clusterIPs": ["None"], "selector": {}}
BOTH = ["IPv4", "IPv6"]
POLICY = "spec.ipFamilyPolicy: Invalid value: "


@pytest.mark.parametrize(
    ("spec", "policy", "families"),
    [
        ({}, "SingleStack", ["IPv4"]),
        ({"ipFamilyPolicy": "PreferDualStack"}, "PreferDualStack", ["IPv4"]),
        ({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]}, "SingleStack", ["IPv4"]),
        ({"clusterIP": "None", "clusterIPs": ["None"]}, "SingleStack", ["IPv4"]),
        (FREE, "RequireDualStack", BOTH),
        ({**FREE, "ipFamilies": ["IPv6"]}, "RequireDualStack", ["IPv6", "IPv4"]),
        ({**FREE, "ipFamilyPolicy": "SingleStack"}, "SingleStack", ["IPv4"]),
        ({**FREE, "ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]}, "SingleStack", ["IPv6"]),
        ({**FREE, "ipFamilyPolicy": "PreferDualStack"}, "PreferDualStack", BOTH),
    ],
)
def test_a_service_gets_a_policy_and_its_families(spec: dict[str, Any], policy: str, families: list[str]) -> None:
    made = service(**spec)
    assert settle(made, None, "IPv4") == []
    assert (made.spec.ipFamilyPolicy, made.spec.ipFamilies) == (policy, families)


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        (
            {"ipFamilyPolicy": "RequireDualStack"},
            [f'{POLICY}"RequireDualStack": this cluster is not configured for dual-stack services'],
        ),
        ({"ipFamilies": ["IPv6"]}, ['spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster']),
        (
            {"ipFamilies": BOTH},
            [
                f"{POLICY}\"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are "
                "specified"
            ],
        ),
        (
            {"clusterIPs": ["10.0.0.1", "fd00::1"], "ipFamilyPolicy": "PreferDualStack"},
            ['spec.clusterIPs[1]: Invalid value: ["10.0.0.1","fd00::1"]: IPv6 is not configured on this cluster'],
        ),
        (
            {"clusterIPs": ["10.0.0.1", "fd00::1"], "ipFamilies": BOTH, "ipFamilyPolicy": "PreferDualStack"},
            ['spec.ipFamilies[1]: Invalid value: "IPv6": not configured on this cluster'],
        ),
    ],
)
def test_what_the_cluster_does_not_have_is_refused(spec: dict[str, Any], wrong: list[str]) -> None:
    assert [str(one) for one in settle(service(**spec), None, "IPv4")] == wrong


def test_an_update_keeps_the_policy_and_gives_a_family_back_only_when_told_so() -> None:
    old = service(**FREE, ipFamilyPolicy="RequireDualStack", ipFamilies=BOTH)
    same = service(**FREE, ipFamilies=BOTH)
    assert settle(same, old, "IPv4") == []
    assert (same.spec.ipFamilyPolicy, same.spec.ipFamilies) == ("RequireDualStack", BOTH)
    fewer = service(**FREE, ipFamilies=["IPv4"])
    assert [str(one) for one in settle(fewer, old, "IPv4")] == [
        f"{POLICY}\"RequireDualStack\": must be 'SingleStack' to release the secondary IP family"
    ]
    told = service(**FREE, ipFamilies=BOTH, ipFamilyPolicy="SingleStack")
    assert settle(told, old, "IPv4") == []
    assert told.spec.ipFamilies == ["IPv4"]


def test_one_that_prefers_both_does_not_follow_a_change_of_the_cluster() -> None:
    spec = {"clusterIPs": ["fd00::1"], "ipFamilies": ["IPv6"], "ipFamilyPolicy": "PreferDualStack"}
    kept = service(**spec)
    assert settle(kept, service(**spec), "IPv4") == []
    assert kept.spec.ipFamilies == ["IPv6"]
