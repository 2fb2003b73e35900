"""What objects use of a quota."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.logic.quota import amounts, check, pods, scopes
from kubelite.api.logic.quota.evaluators import evaluator, of_devices, resources_of
from kubelite.api.types import core_v1 as v1
from kubelite.api.types.resource_v1 import ResourceClaim
from kubelite.machinery import codec, quantity

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def pod(**more: Any) -> v1.Pod:
    spec = {"containers": [{"name": "a", "resources": more.pop("resources", {})}], **more.pop("spec", {})}
    made: v1.Pod = codec.from_generic({"metadata": {"name": "p"}, "spec": spec, **more}, v1.Pod)
    return made


def usage_of(group: str, plural: str, obj: Any) -> dict[str, Any]:
    return {name: amount for name, amount in evaluator(group, plural).usage(obj, NOW).items() if amount != "0"}


def test_a_pod_counts_with_what_its_containers_ask_for_under_both_names():
    resources = {
        "requests": {"cpu": "500m", "memory": "1Gi", "hugepages-2Mi": "4Mi", "example.com/gpu": "2"},
        "limits": {"cpu": "1", "hugepages-2Mi": "4Mi", "example.com/gpu": "2"},
    }
    assert pods.usage(pod(resources=resources), NOW) == {
        "count/pods": "1",
        "pods": "1",
        "cpu": "500m",
        "requests.cpu": "500m",
        "limits.cpu": "1",
        "memory": "1Gi",
        "requests.memory": "1Gi",
        "hugepages-2Mi": "4Mi",
        "requests.hugepages-2Mi": "4Mi",
        "requests.example.com/gpu": "2",
    }


DELETED = {"name": "p", "deletionGracePeriodSeconds": 30}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"status": {"phase": "Running"}}, {"count/pods": "1", "pods": "1"}),
        ({"status": {"phase": "Succeeded"}}, {"count/pods": "1"}),
        ({"status": {"phase": "Failed"}}, {"count/pods": "1"}),
        ({"metadata": {**DELETED, "deletionTimestamp": "2026-01-01T11:59:40Z"}}, {"count/pods": "1", "pods": "1"}),
        ({"metadata": {**DELETED, "deletionTimestamp": "2026-01-01T11:59:00Z"}}, {"count/pods": "1"}),
    ],
)
def test_a_pod_that_has_finished_or_overstayed_counts_as_an_object_only(more: dict[str, Any], expected: dict[str, str]):
    assert pods.usage(pod(**more), NOW) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"type": "ClusterIP", "ports": [{"port": 1}]}, {}),
        ({"type": "NodePort", "ports": [{"port": 1}, {"port": 2}]}, {"services.nodeports": "2"}),
        (
            {"type": "LoadBalancer", "ports": [{"port": 1}, {"port": 2}]},
            {"services.nodeports": "2", "services.loadbalancers": "1"},
        ),
        (
            {
                "type": "LoadBalancer",
                "allocateLoadBalancerNodePorts": False,
                "ports": [{"port": 1}, {"port": 2, "nodePort": 30000}],
            },
            {"services.nodeports": "1", "services.loadbalancers": "1"},
        ),
    ],
)
def test_a_service_counts_with_its_node_ports_and_its_load_balancer(spec: dict[str, Any], expected: dict[str, str]):
    service = codec.from_generic({"spec": spec}, v1.Service)
    assert usage_of("", "services", service) == {"count/services": "1", "services": "1", **expected}


def test_a_claim_that_grows_counts_with_what_it_is_being_given():
    claim = codec.from_generic(
        {
            "spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"allocatedResources": {"storage": "3Gi"}},
        },
        v1.PersistentVolumeClaim,
    )
    assert usage_of("", "persistentvolumeclaims", claim) == {
        "persistentvolumeclaims": "1",
        "count/persistentvolumeclaims": "1",
        "requests.storage": "3Gi",
        "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
        "gold.storageclass.storage.k8s.io/requests.storage": "3Gi",
    }


def test_a_device_claim_counts_the_most_that_each_class_may_have_to_give():
    one = {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 2}
    several = [{"name": "a", **one}, {"name": "b", "deviceClassName": "nic", "allocationMode": "All"}]
    requests = [{"name": "x", "exactly": one}, {"name": "y", "firstAvailable": several}]
    claim = codec.from_generic({"spec": {"devices": {"requests": requests}}}, ResourceClaim)
    assert usage_of("resource.k8s.io", "resourceclaims", claim) == {
        "count/resourceclaims.resource.k8s.io": "1",
        "gpu.deviceclass.resource.k8s.io/devices": "4",
        "nic.deviceclass.resource.k8s.io/devices": "32",
        "requests.deviceclass.resource.kubernetes.io/gpu": "4",
        "requests.deviceclass.resource.kubernetes.io/nic": "32",
    }
    claim.metadata.annotations["resource.kubernetes.io/extended-resource-claim"] = "true"
    assert not any(name.startswith("requests.") for name in usage_of("resource.k8s.io", "resourceclaims", claim))


def test_devices_count_under_the_name_that_their_classes_have_among_extended_resources():
    names = {"gpu": "example.com/gpu", "small": "example.com/gpu"}
    exactly = [
        {"deviceClassName": name, "allocationMode": "ExactCount", "count": 2} for name in ("gpu", "small", "nic")
    ]
    requests = [{"name": one["deviceClassName"], "exactly": one} for one in exactly]
    claim = codec.from_generic({"spec": {"devices": {"requests": requests}}}, ResourceClaim)
    by = of_devices(names)
    assert by.matches("requests.example.com/gpu") and not by.matches("requests.example.com/nic")
    assert by.usage(claim, NOW)["requests.example.com/gpu"] == "4"
    both = (("", "pods"), ("resource.k8s.io", "resourceclaims"))
    assert resources_of("requests.example.com/gpu", names) == both
    assert resources_of("requests.example.com/gpu") == both[:1]


def test_a_pod_that_asks_for_devices_of_a_class_counts_them():
    name = "deviceclass.resource.kubernetes.io/gpu"
    container = {"name": "c", "resources": {"requests": {name: "2"}, "limits": {name: "2"}}}
    found = usage_of("", "pods", codec.from_generic({"spec": {"containers": [container]}}, v1.Pod))
    assert found == {"count/pods": "1", "pods": "1", f"requests.{name}": "2"}


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("count/widgets.example.com", [("example.com", "widgets")]),
        ("count/deployments.apps", [("apps", "deployments")]),
        ("count/configmaps", [("", "configmaps")]),
        ("secrets", [("", "secrets")]),
        ("limits.memory", [("", "pods")]),
        ("requests.example.com/gpu", [("", "pods")]),
        ("services.nodeports", [("", "services")]),
        ("gold.storageclass.storage.k8s.io/requests.storage", [("", "persistentvolumeclaims")]),
        ("gpu.deviceclass.resource.k8s.io/devices", [("resource.k8s.io", "resourceclaims")]),
        (
            "requests.deviceclass.resource.kubernetes.io/gpu",
            [("", "pods"), ("resource.k8s.io", "resourceclaims")],
        ),
        ("example.com/gpu", []),
    ],
)
def test_each_name_of_a_quota_belongs_to_its_resources(name: str, resource: list[tuple[str, str]]):
    assert list(resources_of(name)) == resource
    assert all(evaluator(*one).matches(name) for one in resource)


REQUESTS = {"requests": {"cpu": "1"}}


@pytest.mark.parametrize(
    ("selector", "made", "expected"),
    [
        (("BestEffort", "Exists"), {}, True),
        (("BestEffort", "Exists"), {"resources": REQUESTS}, False),
        (("NotBestEffort", "Exists"), {"resources": REQUESTS}, True),
        (("Terminating", "Exists"), {"spec": {"activeDeadlineSeconds": 0}}, True),
        (("NotTerminating", "Exists"), {"spec": {"activeDeadlineSeconds": 0}}, False),
        (("PriorityClass", "Exists"), {}, False),
        (("PriorityClass", "DoesNotExist"), {}, True),
        (("PriorityClass", "In", "high"), {"spec": {"priorityClassName": "high"}}, True),
        (("PriorityClass", "In", "high"), {"spec": {"priorityClassName": "low"}}, False),
        (("PriorityClass", "NotIn", "high"), {"spec": {"priorityClassName": "low"}}, True),
        (("PriorityClass", "NotIn", "high"), {}, True),
        (("CrossNamespacePodAffinity", "Exists"), {}, False),
        (
            ("CrossNamespacePodAffinity", "Exists"),
            {
                "spec": {
                    "affinity": {
                        "podAffinity": {
                            "preferredDuringSchedulingIgnoredDuringExecution": [
                                {"weight": 1, "podAffinityTerm": {"topologyKey": "z", "namespaceSelector": {}}}
                            ]
                        }
                    }
                }
            },
            True,
        ),
        (("VolumeAttributesClass", "Exists"), {}, False),
    ],
)
def test_scopes_select_pods(selector: tuple[str, ...], made: dict[str, Any], expected: bool):
    scope, operator, *values = selector
    wanted = scopes.Selector(scopeName=scope, operator=operator, values=values)
    assert scopes.covers([wanted], pods.traits(pod(**made))) is expected


def test_a_claim_is_in_the_scope_of_every_class_that_it_has_or_wants():
    claim = codec.from_generic(
        {
            "spec": {"volumeAttributesClassName": "gold"},
            "status": {
                "currentVolumeAttributesClassName": "silver",
                "modifyVolumeStatus": {"targetVolumeAttributesClassName": "bronze", "status": "Pending"},
            },
        },
        v1.PersistentVolumeClaim,
    )
    traits = evaluator("", "persistentvolumeclaims").traits(claim)
    for name, expected in (("gold", True), ("silver", True), ("bronze", True), ("tin", False)):
        wanted = scopes.Selector(scopeName="VolumeAttributesClass", operator="In", values=[name])
        assert scopes.covers([wanted], traits) is expected


def quota(name: str, hard: dict[str, str], used: dict[str, str]) -> v1.ResourceQuota:
    made: v1.ResourceQuota = codec.from_generic(
        {"metadata": {"name": name}, "spec": {"hard": hard}, "status": {"hard": hard, "used": used}}, v1.ResourceQuota
    )
    return made


def test_containers_name_what_they_lack_and_pod_level_amounts_make_up_for_it():
    lacking = pod(spec={"initContainers": [{"name": "i", "resources": {"limits": {"cpu": "1"}}}]})
    assert pods.missing(lacking, ["limits.cpu", "pods", "memory"]) == "must specify limits.cpu for: a; memory for: a,i"
    whole = pod(spec={"resources": {"limits": {"cpu": "1"}}})
    assert pods.missing(whole, ["limits.cpu"]) == ""


def test_a_pod_that_asks_for_less_than_nothing_is_refused():
    with pytest.raises(check.Refused, match=r"quota usage is negative for resource\(s\): cpu,requests.cpu"):
        check.charge(evaluator("", "pods"), pod(resources={"requests": {"cpu": "-1"}}), None, NOW)


cpus = st.integers(0, 5000).map(quantity.from_milli)


@given(st.lists(cpus, max_size=12), cpus)
def test_reservations_never_exceed_what_is_allowed_and_refuse_only_what_does_not_fit(asked: list[str], hard: str):
    one = quota("q", {"requests.cpu": hard}, {"requests.cpu": "0"})
    for cpu in asked:
        wanted = pod(resources={"requests": {"cpu": cpu}})
        request = check.charge(evaluator("", "pods"), wanted, None, NOW)
        before = one.status.used["requests.cpu"]
        try:
            result = check.check([one], request)
        except check.Refused:
            assert quantity.cmp(quantity.add(before, cpu), hard) > 0
            continue
        one.status.used = result.get("q", one.status.used)
        assert quantity.cmp(one.status.used["requests.cpu"], quantity.add(before, cpu)) == 0
    assert quantity.cmp(one.status.used["requests.cpu"], hard) <= 0


@given(st.lists(cpus, max_size=8))
def test_a_total_is_the_sum_one_by_one(asked: list[str]):
    summed: dict[str, Any] = {"cpu": "0"}
    for cpu in asked:
        summed = amounts.plus(summed, {"cpu": cpu})
    assert amounts.same(amounts.total(({"cpu": cpu} for cpu in asked), ["cpu"]), summed)
