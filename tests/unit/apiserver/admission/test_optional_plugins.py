"""The plugins about owners, namespaces, external addresses, anti-affinity and topology labels."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite import api
from kubelite.api.types import core_v1
from kubelite.api.types.core_v1 import Pod, PodSpec, Service, ServiceSpec
from kubelite.api.types.meta_v1 import ObjectMeta, OwnerReference
from kubelite.apiserver.admission.chain import Chain
from kubelite.apiserver.admission.plugin import Plugin
from kubelite.apiserver.admission.plugins.always import AlwaysDeny
from kubelite.apiserver.admission.plugins.antiaffinity import LimitPodHardAntiAffinityTopology
from kubelite.apiserver.admission.plugins.externalips import DenyServiceExternalIPs
from kubelite.apiserver.admission.plugins.namespaces import NamespaceAutoProvision, NamespaceExists
from kubelite.apiserver.admission.plugins.ownerreferences import OwnerReferencesPermissionEnforcement
from kubelite.apiserver.admission.plugins.topologylabels import PodTopologyLabels
from kubelite.apiserver.request import AdmissionRequest, Attributes, UserInfo
from kubelite.machinery.errors import StatusError, already_exists
from kubelite.machinery.kind import Kind


def kind_of(name: str) -> Kind:
    return next(kind for kind in api.KINDS if kind.kind == name)


def write(obj: Any, kind: str, operation: str = "CREATE", **more: Any) -> AdmissionRequest:
    return AdmissionRequest(
        operation, kind_of(kind), "default", obj.metadata.name, object=obj, user=UserInfo("jane"), **more
    )


async def run(plugin: Plugin, request: AdmissionRequest) -> Any:
    chain = Chain([plugin])
    await chain.mutate(request)
    await chain.validate(request)
    return request.object


def service(*addresses: str) -> Service:
    return Service(metadata=ObjectMeta(name="s", namespace="default"), spec=ServiceSpec(externalIPs=list(addresses)))


async def test_external_addresses_are_denied_unless_they_were_there() -> None:
    plugin = DenyServiceExternalIPs()
    with pytest.raises(StatusError) as refused:
        await run(plugin, write(service("1.2.3.4"), "Service"))
    why = 'services "s" is forbidden: Use of external IPs is denied by admission control.'
    assert (refused.value.code, refused.value.message) == (403, why)
    await run(plugin, write(service("1.2.3.4"), "Service", "UPDATE", old=service("1.2.3.4", "5.6.7.8")))
    await run(plugin, write(service(), "Service"))


def repelling(key: str) -> Pod:
    term = core_v1.PodAffinityTerm(topologyKey=key)
    anti = core_v1.PodAntiAffinity(requiredDuringSchedulingIgnoredDuringExecution=[term])
    return Pod(metadata=ObjectMeta(name="p"), spec=PodSpec(affinity=core_v1.Affinity(podAntiAffinity=anti)))


async def test_required_anti_affinity_reaches_no_farther_than_a_node() -> None:
    plugin = LimitPodHardAntiAffinityTopology()
    await run(plugin, write(repelling("kubernetes.io/hostname"), "Pod"))
    with pytest.raises(StatusError, match="has TopologyKey zone but only key"):
        await run(plugin, write(repelling("zone"), "Pod"))


async def test_a_pod_gets_the_topology_labels_of_its_node() -> None:
    zones = {"topology.kubernetes.io/zone": "z1", "topology.kubernetes.io/region": "r1", "other": "no"}
    plugin = PodTopologyLabels({"n1": zones}.get)
    pod = Pod(metadata=ObjectMeta(name="p", labels={"app": "x"}), spec=PodSpec(nodeName="n1"))
    await run(plugin, write(pod, "Pod", "UPDATE", subresource="binding"))
    assert pod.metadata.labels == {
        "app": "x",
        "topology.kubernetes.io/zone": "z1",
        "topology.kubernetes.io/region": "r1",
    }
    free = Pod(metadata=ObjectMeta(name="p"), spec=PodSpec(nodeName="unknown"))
    await run(plugin, write(free, "Pod"))
    assert free.metadata.labels == {}


async def test_everything_is_denied() -> None:
    with pytest.raises(StatusError, match="admission control is denying all modifications"):
        await run(AlwaysDeny(), write(service(), "Service"))


async def test_a_missing_namespace_is_made_or_refused() -> None:
    made: list[str] = []

    async def provide(name: str) -> None:
        if made:
            raise already_exists("", "namespaces", name)
        made.append(name)

    async def live(name: str) -> bytes | None:
        return None

    plugin = NamespaceAutoProvision(lambda name: None, provide)
    await run(plugin, write(service(), "Service"))
    await run(plugin, write(service(), "Service"))
    assert made == ["default"]
    with pytest.raises(StatusError) as refused:
        await run(NamespaceExists(lambda name: None, live), write(service(), "Service"))
    assert refused.value.code == 404


class Allowing:
    """An authorizer that allows some verbs on some resources."""

    def __init__(self, *allowed: str) -> None:
        self.allowed = allowed
        self.asked: list[str] = []

    def authorize(self, user: UserInfo, attributes: Attributes) -> tuple[bool, str]:
        text = f"{attributes.verb} {attributes.resource}/{attributes.subresource}".rstrip("/")
        self.asked.append(text)
        return text in self.allowed, "because"


def owned(*, blocks: bool = False, uid: str = "u") -> Pod:
    owner = OwnerReference(apiVersion="apps/v1", kind="ReplicaSet", name="rs", uid=uid, blockOwnerDeletion=blocks)
    return Pod(metadata=ObjectMeta(name="p", ownerReferences=[owner]))


async def test_who_changes_owners_must_be_allowed_to_delete() -> None:
    find = api.scheme().by_kind
    plain = Pod(metadata=ObjectMeta(name="p"))
    await run(OwnerReferencesPermissionEnforcement(Allowing(), find), write(owned(), "Pod"))
    with pytest.raises(StatusError, match="cannot set an ownerRef on a resource you can't delete: because, <nil>"):
        await run(OwnerReferencesPermissionEnforcement(Allowing(), find), write(owned(), "Pod", "UPDATE", old=plain))
    allowing = Allowing("delete pods")
    await run(OwnerReferencesPermissionEnforcement(allowing, find), write(owned(), "Pod", "UPDATE", old=plain))
    await run(OwnerReferencesPermissionEnforcement(Allowing(), find), write(owned(), "Pod", "UPDATE", old=owned()))


async def test_who_blocks_the_deletion_of_an_owner_must_be_allowed_to_set_its_finalizers() -> None:
    find = api.scheme().by_kind
    with pytest.raises(StatusError, match="a resource you can't set finalizers on: because, <nil>"):
        await run(OwnerReferencesPermissionEnforcement(Allowing(), find), write(owned(blocks=True), "Pod"))
    allowing = Allowing("update replicasets/finalizers")
    await run(OwnerReferencesPermissionEnforcement(allowing, find), write(owned(blocks=True), "Pod"))
    with pytest.raises(StatusError, match="cannot find RESTMapping for APIVersion apps/v1 Kind ReplicaSet: no matches"):
        nothing = OwnerReferencesPermissionEnforcement(allowing, lambda version, kind: None)
        await run(nothing, write(owned(blocks=True), "Pod"))
