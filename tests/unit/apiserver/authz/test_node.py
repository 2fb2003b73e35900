"""What a kubelet may read."""

from __future__ import annotations

import msgspec
import pytest

from kubelite.api.types.rbac_v1 import PolicyRule
from kubelite.apiserver.authz.node import NodeMode, PodGraph
from kubelite.apiserver.request import Attributes, UserInfo

NODE_A = UserInfo("system:node:a", groups=("system:nodes",))
POD = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "nodeName": "a",
        "serviceAccountName": "web",
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [
            {
                "name": "c",
                "env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "env", "key": "k"}}}],
                "envFrom": [{"configMapRef": {"name": "from"}}],
            }
        ],
        "volumes": [
            {"name": "s", "secret": {"secretName": "vol"}},
            {"name": "p", "projected": {"sources": [{"configMap": {"name": "ca"}}]}},
            {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
        ],
    },
}
RULES = [
    PolicyRule(verbs=["get", "list", "watch"], apiGroups=[""], resources=["pods", "secrets", "nodes"]),
    PolicyRule(verbs=["update"], apiGroups=[""], resources=["nodes/status"]),
]


def mode() -> NodeMode:
    graph = PodGraph()
    graph.set_body("default", "web", msgspec.json.encode(POD))
    return NodeMode(graph, RULES)


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("secrets", "pull"),
        ("secrets", "env"),
        ("secrets", "vol"),
        ("configmaps", "from"),
        ("configmaps", "ca"),
        ("persistentvolumeclaims", "data"),
        ("serviceaccounts", "web"),
    ],
)
def test_a_node_reads_what_its_pods_refer_to(resource: str, name: str) -> None:
    wanted = Attributes("get", "default", "", "v1", resource, "", name)
    assert mode().allows(NODE_A, wanted)
    assert not mode().allows(UserInfo("system:node:b", groups=("system:nodes",)), wanted)


def test_a_node_reads_no_other_secret_and_lists_none() -> None:
    assert not mode().allows(NODE_A, Attributes("get", "default", "", "v1", "secrets", "", "other"))
    assert not mode().allows(NODE_A, Attributes("list", "default", "", "v1", "secrets"))
    reason = mode().reason(NODE_A, Attributes("get", "default", "", "v1", "secrets", "", "other"), allowed=False)
    assert reason == "no relationship found between node 'a' and this object"


def test_a_pod_that_is_gone_takes_its_rights_along() -> None:
    graph = PodGraph()
    graph.set_body("default", "web", msgspec.json.encode(POD))
    graph.set_body("default", "web", None)
    assert not graph.has("a", "secrets", "default", "pull")


def test_a_node_asks_for_tokens_of_its_pods_accounts_only() -> None:
    def wanted(name: str) -> Attributes:
        return Attributes("create", "default", "", "v1", "serviceaccounts", "token", name)

    assert mode().allows(NODE_A, wanted("web"))
    assert not mode().allows(NODE_A, wanted("other"))


def test_a_node_lists_pods_of_its_own_only() -> None:
    own = Attributes("list", "", "", "v1", "pods", field_selector="spec.nodeName=a")
    assert mode().allows(NODE_A, own)
    assert not mode().allows(NODE_A, Attributes("list", "", "", "v1", "pods"))
    assert not mode().allows(NODE_A, Attributes("watch", "", "", "v1", "pods", field_selector="spec.nodeName=b"))


def test_other_users_get_nothing_from_this_mode() -> None:
    assert not mode().allows(UserInfo("bob"), Attributes("get", "", "", "v1", "nodes", "", "a"))


def graph() -> PodGraph:
    """A pod on node a with a claim, whose volume needs a secret; an attachment and a slice of node a."""
    found = PodGraph()
    found.set_body("default", "web", msgspec.json.encode(POD))
    claim = {"namespace": "default", "name": "data"}
    csi = {"nodePublishSecretRef": {"namespace": "vault", "name": "mount"}}
    csi["controllerPublishSecretRef"] = {"namespace": "vault", "name": "controller"}
    found.set_volume("", "pv", msgspec.json.encode({"spec": {"claimRef": claim, "csi": csi}}))
    found.set_volume("", "free", msgspec.json.encode({"spec": {"csi": csi}}))
    found.set_attachment("", "va", msgspec.json.encode({"spec": {"nodeName": "a"}}))
    found.set_slice("", "slice", msgspec.json.encode({"spec": {"nodeName": "a"}}))
    return found


def test_a_node_reads_the_volume_of_its_pods_claim_and_the_secret_to_mount_it() -> None:
    found = graph()
    assert found.has("a", "persistentvolumes", "", "pv")
    assert found.has("a", "secrets", "vault", "mount")
    assert not found.has("a", "persistentvolumes", "", "free")
    assert not found.has("a", "secrets", "vault", "controller"), "controllers alone need it"
    assert not found.has("b", "secrets", "vault", "mount")
    found.set_volume("", "pv", None)
    assert not found.has("a", "secrets", "vault", "mount")


def test_a_mirror_pod_gives_its_node_nothing() -> None:
    found = PodGraph()
    metadata = {"name": "m", "namespace": "default", "annotations": {"kubernetes.io/config.mirror": "x"}}
    found.set_body("default", "m", msgspec.json.encode({**POD, "metadata": metadata}))
    assert found.has("a", "pods", "default", "m")
    assert not found.has("a", "secrets", "default", "pull")


STORAGE, DEVICES = "storage.k8s.io", "resource.k8s.io"


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        (Attributes("get", "", "", "v1", "nodes", "", "a"), None),
        (Attributes("list", "", "", "v1", "nodes"), "node 'a' cannot read all nodes, only its own Node object"),
        (Attributes("get", "", "", "v1", "nodes", "", "b"), "node 'a' cannot read 'b', only its own Node object"),
        (Attributes("patch", "", "", "v1", "nodes", "status", "a"), None),
        (Attributes("delete", "", "", "v1", "nodes", "", "a"), ""),
        (Attributes("get", "default", "", "v1", "pods", "", "web"), None),
        (
            Attributes("get", "default", "", "v1", "pods", "", "x"),
            "no relationship found between node 'a' and this object",
        ),
        (
            Attributes("list", "", "", "v1", "pods", field_selector="metadata.name=web"),
            "can only list/watch pods with spec.nodeName field selector",
        ),
        (Attributes("create", "default", "", "v1", "pods", "eviction", "web"), None),
        (Attributes("get", "default", "", "v1", "serviceaccounts", "", "web"), None),
        (Attributes("update", "default", "", "v1", "persistentvolumeclaims", "status", "data"), None),
        (Attributes("list", "", "", "v1", "persistentvolumes"), "can only get individual resources of this type"),
        (Attributes("get", "", STORAGE, "v1", "volumeattachments", "", "va"), None),
        (Attributes("create", "", STORAGE, "v1", "csinodes"), None),
        (
            Attributes("get", "", STORAGE, "v1", "csinodes", "", "b"),
            "can only access CSINode with the same name as the requesting node",
        ),
        (Attributes("update", "", DEVICES, "v1", "resourceslices", "", "slice"), None),
        (Attributes("deletecollection", "", DEVICES, "v1", "resourceslices", field_selector="spec.nodeName=a"), None),
        (
            Attributes("list", "", DEVICES, "v1", "resourceslices"),
            "can only list/watch/deletecollection resourceslices with nodeName field selector",
        ),
        (
            Attributes("get", "default", "coordination.k8s.io", "v1", "leases", "", "a"),
            'can only access leases in the "kube-node-lease" system namespace',
        ),
    ],
)
def test_each_resource_of_a_node_has_its_rule(attributes: Attributes, why: str | None) -> None:
    authorizer = NodeMode(graph(), RULES)
    assert authorizer.allows(NODE_A, attributes) is (why is None)
    assert authorizer.reason(NODE_A, attributes, allowed=why is None) == (why or "")
