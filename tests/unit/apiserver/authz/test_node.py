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
