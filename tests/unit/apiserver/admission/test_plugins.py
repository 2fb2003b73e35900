"""What each admission plugin changes and refuses."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubelite import api
from kubelite.api.types.core_v1 import (
    Container,
    LocalObjectReference,
    Node,
    PersistentVolumeClaim,
    Pod,
    PodSpec,
    ServiceAccount,
    Toleration,
    VolumeMount,
)
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.api.types.scheduling_v1 import PriorityClass
from kubelite.apiserver.admission.chain import Chain
from kubelite.apiserver.admission.plugin import Plugin
from kubelite.apiserver.admission.plugins.namespacelifecycle import NamespaceLifecycle
from kubelite.apiserver.admission.plugins.noderestriction import NodeRestriction
from kubelite.apiserver.admission.plugins.priority import Priority
from kubelite.apiserver.admission.plugins.serviceaccount import MOUNT_PATH, ServiceAccountAdmission
from kubelite.apiserver.admission.plugins.taintnodes import TaintNodesByCondition
from kubelite.apiserver.admission.plugins.tolerations import DefaultTolerationSeconds
from kubelite.apiserver.request import AdmissionRequest, UserInfo
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind


def kind_of(name: str) -> Kind:
    return next(kind for kind in api.KINDS if kind.kind == name)


def a_pod(**spec: Any) -> Pod:
    return Pod(
        metadata=ObjectMeta(name="p", namespace="default"), spec=PodSpec(containers=[Container(name="c")], **spec)
    )


def creation(obj: Any, kind: str = "Pod", **more: Any) -> AdmissionRequest:
    return AdmissionRequest("CREATE", kind_of(kind), obj.metadata.namespace, obj.metadata.name, object=obj, **more)


async def admitted(plugin: Plugin, request: AdmissionRequest) -> Any:
    chain = Chain([plugin])
    await chain.mutate(request)
    await chain.validate(request)
    return request.object


def namespaces(**states: Any) -> NamespaceLifecycle:
    bodies = {name: msgspec.json.encode(state) for name, state in states.items()}

    async def live(name: str) -> bytes | None:
        return bodies.get(name)

    return NamespaceLifecycle(lambda name: None if name == "fresh" else bodies.get(name), live)


ACTIVE = {"metadata": {}, "status": {"phase": "Active"}}


async def test_nothing_is_created_in_a_namespace_that_is_absent() -> None:
    with pytest.raises(StatusError) as found:
        await admitted(namespaces(), creation(a_pod()))
    assert (found.value.code, found.value.message) == (404, 'namespaces "default" not found')


async def test_nothing_is_created_in_a_namespace_that_is_going() -> None:
    going = {"metadata": {"deletionTimestamp": "2030-01-01T00:00:00Z"}, "status": {"phase": "Terminating"}}
    with pytest.raises(StatusError) as found:
        await admitted(namespaces(default=going), creation(a_pod()))
    assert found.value.message == (
        'pods "p" is forbidden: unable to create new content in namespace default because it is being terminated'
    )
    assert found.value.details["causes"][0]["reason"] == "NamespaceTerminating"


async def test_a_namespace_that_only_the_store_knows_yet_is_found() -> None:
    pod = a_pod()
    pod.metadata.namespace = "fresh"
    assert await admitted(namespaces(fresh=ACTIVE), creation(pod)) is pod


async def test_the_system_namespaces_cannot_be_deleted() -> None:
    request = AdmissionRequest("DELETE", kind_of("Namespace"), "", "kube-system")
    with pytest.raises(StatusError, match='namespaces "kube-system" is forbidden: this namespace may not be deleted'):
        await admitted(namespaces(), request)


def accounts(account: ServiceAccount | None) -> ServiceAccountAdmission:
    async def live(namespace: str, name: str) -> ServiceAccount | None:
        return None

    return ServiceAccountAdmission(lambda namespace, name: account, live)


async def test_a_pod_gets_the_default_account_its_token_and_its_pull_secrets() -> None:
    account = ServiceAccount(imagePullSecrets=[LocalObjectReference(name="registry")])
    pod = await admitted(accounts(account), creation(a_pod(initContainers=[Container(name="i")])))
    assert (pod.spec.serviceAccountName, pod.spec.serviceAccount) == ("default", "default")
    assert [one.name for one in pod.spec.imagePullSecrets] == ["registry"]
    (volume,) = pod.spec.volumes
    assert volume.name.startswith("kube-api-access-")
    assert [mount.name for mount in pod.spec.containers[0].volumeMounts] == [volume.name]
    assert [mount.mountPath for mount in pod.spec.initContainers[0].volumeMounts] == [MOUNT_PATH]
    token, ca, downward = volume.projected.sources
    assert token.serviceAccountToken.expirationSeconds == 3607
    assert ca.configMap.name == "kube-root-ca.crt"
    assert downward.downwardAPI.items[0].fieldRef.fieldPath == "metadata.namespace"


async def test_mounting_the_token_twice_equals_once() -> None:
    plugin = accounts(ServiceAccount())
    pod = await admitted(plugin, creation(a_pod()))
    once = msgspec.json.encode(pod)
    await admitted(plugin, creation(pod))
    assert msgspec.json.encode(pod) == once


async def test_no_token_where_pod_or_account_refuse_it_or_something_is_mounted_there() -> None:
    refused = await admitted(accounts(ServiceAccount()), creation(a_pod(automountServiceAccountToken=False)))
    assert refused.spec.volumes == []
    by_account = await admitted(accounts(ServiceAccount(automountServiceAccountToken=False)), creation(a_pod()))
    assert by_account.spec.volumes == []
    own = a_pod()
    own.spec.containers[0].volumeMounts = [VolumeMount(name="mine", mountPath=MOUNT_PATH)]
    assert (await admitted(accounts(ServiceAccount()), creation(own))).spec.volumes == []


async def test_an_unknown_account_refuses_the_pod() -> None:
    with pytest.raises(StatusError) as found:
        await admitted(accounts(None), creation(a_pod(serviceAccountName="ci")))
    assert found.value.message == (
        'pods "p" is forbidden: error looking up service account default/ci: serviceaccount "ci" not found'
    )


def priorities(*classes: PriorityClass) -> Priority:
    by_name = {one.metadata.name: one for one in classes}
    return Priority(by_name.get, by_name.values)


HIGH = PriorityClass(metadata=ObjectMeta(name="high"), value=1000, preemptionPolicy="Never")
USUAL = PriorityClass(metadata=ObjectMeta(name="usual"), value=10, globalDefault=True)


async def test_a_class_becomes_a_number_and_a_policy() -> None:
    pod = await admitted(priorities(HIGH), creation(a_pod(priorityClassName="high")))
    assert (pod.spec.priority, pod.spec.preemptionPolicy) == (1000, "Never")


async def test_without_a_class_the_default_or_zero_counts() -> None:
    pod = await admitted(priorities(USUAL), creation(a_pod()))
    assert (pod.spec.priorityClassName, pod.spec.priority) == ("usual", 10)
    plain = await admitted(priorities(HIGH), creation(a_pod()))
    assert (plain.spec.priorityClassName, plain.spec.priority, plain.spec.preemptionPolicy) == (
        "",
        0,
        "PreemptLowerPriority",
    )


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"priorityClassName": "none"}, "no PriorityClass with name none was found"),
        ({"priorityClassName": "high", "priority": 7}, r"the integer value of priority \(7\) must not be provided"),
    ],
)
async def test_wrong_priorities_are_refused(spec: dict[str, Any], text: str) -> None:
    with pytest.raises(StatusError, match=text):
        await admitted(priorities(HIGH), creation(a_pod(**spec)))


async def test_there_is_one_default_class_at_most() -> None:
    second = PriorityClass(metadata=ObjectMeta(name="other"), value=1, globalDefault=True)
    with pytest.raises(StatusError, match="PriorityClass usual is already marked as default"):
        await admitted(priorities(USUAL), creation(second, "PriorityClass"))


async def test_a_pod_tolerates_lost_nodes_for_five_minutes_unless_it_says_otherwise() -> None:
    own = Toleration(key="node.kubernetes.io/not-ready", operator="Exists", effect="NoExecute", tolerationSeconds=1)
    pod = await admitted(DefaultTolerationSeconds(), creation(a_pod(tolerations=[own])))
    assert [(one.key, one.tolerationSeconds) for one in pod.spec.tolerations] == [
        ("node.kubernetes.io/not-ready", 1),
        ("node.kubernetes.io/unreachable", 300),
    ]
    everything = await admitted(
        DefaultTolerationSeconds(), creation(a_pod(tolerations=[Toleration(operator="Exists")]))
    )
    assert len(everything.spec.tolerations) == 1


async def test_a_new_node_is_tainted_until_it_is_ready() -> None:
    node = await admitted(TaintNodesByCondition(), creation(Node(metadata=ObjectMeta(name="n")), "Node"))
    assert [(one.key, one.effect) for one in node.spec.taints] == [("node.kubernetes.io/not-ready", "NoSchedule")]


KUBELET = UserInfo("system:node:a", groups=("system:nodes",))


def node_restriction() -> NodeRestriction:
    async def any_audience(request: AdmissionRequest, pod: Pod) -> None:
        return None

    return NodeRestriction(lambda namespace, name: None, any_audience)


async def test_a_kubelet_leaves_other_nodes_and_reserved_labels_alone() -> None:
    plugin = node_restriction()
    other = creation(Node(metadata=ObjectMeta(name="b")), "Node", user=KUBELET)
    with pytest.raises(StatusError, match='node "a" is not allowed to modify node "b"'):
        await admitted(plugin, other)
    labels = {"node-restriction.kubernetes.io/x": "1", "kubernetes.io/hostname": "a", "mine": "1"}
    own = creation(Node(metadata=ObjectMeta(name="a", labels=labels)), "Node", user=KUBELET)
    with pytest.raises(StatusError, match=r"is not allowed to modify labels: node-restriction\.kubernetes\.io/x$"):
        await admitted(plugin, own)


async def test_a_kubelet_creates_mirror_pods_only() -> None:
    with pytest.raises(StatusError, match="can only create mirror pods"):
        await admitted(node_restriction(), creation(a_pod(nodeName="a"), user=KUBELET))


async def test_a_kubelet_deletes_its_own_pods_only() -> None:
    request = AdmissionRequest("DELETE", kind_of("Pod"), "default", "p", old=a_pod(nodeName="b"), user=KUBELET)
    with pytest.raises(StatusError, match="can only delete pods with"):
        await admitted(node_restriction(), request)


def of_claim(new: PersistentVolumeClaim, old: PersistentVolumeClaim, **more: Any) -> AdmissionRequest:
    return AdmissionRequest(
        "UPDATE", kind_of("PersistentVolumeClaim"), "default", "c", object=new, old=old, user=KUBELET, **more
    )


async def test_a_kubelet_says_how_large_a_claim_has_become_and_nothing_else_of_it() -> None:
    old = PersistentVolumeClaim(metadata=ObjectMeta(name="c", namespace="default"))
    grown = PersistentVolumeClaim(metadata=ObjectMeta(name="c", namespace="default", resourceVersion="2"))
    grown.status.capacity = {"storage": "2Gi"}
    grown.status.allocatedResourceStatuses = {"storage": "NodeResizeInProgress"}
    await admitted(node_restriction(), of_claim(grown, old, subresource="status"))
    with pytest.raises(StatusError, match="may only update PVC status"):
        await admitted(node_restriction(), of_claim(grown, old))
    grown.metadata.labels = {"a": "b"}
    with pytest.raises(StatusError, match=r"not allowed to update fields other than status\.quantity and"):
        await admitted(node_restriction(), of_claim(grown, old, subresource="status"))
