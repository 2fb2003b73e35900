"""What a kubelet may do beyond what everybody may: read what its pods refer to, and nothing of other nodes' pods.

What: `NodeMode`, an authorizer for users `system:node:<name>` of the group system:nodes.
Why: a node that is taken over must not read every secret of the cluster.
Flow: each guarded resource has a rule of its own, which asks `graph.PodGraph` for a relation between node and object,
or looks at name and selectors; all other rights are the rules of the role system:node.
Source: plugin/pkg/auth/authorizer/node/node_authorizer.go.
"""

from __future__ import annotations

from collections.abc import Callable

from kubelite.api.logic.rbac import Permissions
from kubelite.api.types.rbac_v1 import PolicyRule
from kubelite.apiserver.authz.graph import PodGraph
from kubelite.apiserver.request import Attributes, UserInfo
from kubelite.machinery import fields

__all__ = ["NODE_LEASES", "NodeMode", "PodGraph", "node_of"]

NODES = "system:nodes"
USER_PREFIX = "system:node:"
NODE_LEASES = "kube-node-lease"
READING = ("get", "list", "watch")
WRITING = ("get", "create", "update", "patch", "delete")


def node_of(user: UserInfo) -> str:
    """The node that a user is the kubelet of; "" for other users (nodeidentifier.NewDefaultNodeIdentifier)."""
    if user.name.startswith(USER_PREFIX) and NODES in user.groups:
        return user.name[len(USER_PREFIX) :]
    return ""


class NodeMode:
    """The authorizer: `rules` are those of the role system:node. Each rule returns why not, None if it allows."""

    def __init__(self, graph: PodGraph, rules: list[PolicyRule]) -> None:
        self._graph = graph
        self._rules = Permissions(rules)
        self._guards: dict[tuple[str, str], Callable[[str, Attributes], str | None]] = {
            ("", "secrets"): self._read_one,
            ("", "configmaps"): self._read_one,
            ("", "persistentvolumeclaims"): self._claim,
            ("", "persistentvolumes"): self._get,
            ("", "serviceaccounts"): self._account,
            ("", "pods"): self._pod,
            ("", "nodes"): _node,
            ("storage.k8s.io", "volumeattachments"): self._get,
            ("storage.k8s.io", "csinodes"): _csi_node,
            ("coordination.k8s.io", "leases"): _lease,
            ("resource.k8s.io", "resourceclaims"): self._get,
            ("resource.k8s.io", "resourceslices"): self._slice,
        }

    def allows(self, user: UserInfo, attributes: Attributes) -> bool:
        node = node_of(user)
        return bool(node) and self._why_not(node, attributes) is None

    def reason(self, user: UserInfo, attributes: Attributes, *, allowed: bool) -> str:
        if allowed:
            return ""
        node = node_of(user)
        if node:
            return self._why_not(node, attributes) or ""
        return f'unknown node for user "{user.name}"' if NODES in user.groups and user.name == USER_PREFIX else ""

    def unlisted(self, user: UserInfo) -> str:
        """Why these rights cannot be listed: they depend on the objects."""
        return "node authorizer does not support user rule resolution" if node_of(user) else ""

    def _why_not(self, node: str, a: Attributes) -> str | None:
        if not a.is_resource:
            return None if self._rules.allows_url(a.verb, a.path) else ""
        guard = self._guards.get((a.group, a.resource))
        if guard is not None:
            return guard(node, a)
        return None if self._rules.allows(a.verb, a.group, a.resource, a.subresource, a.name) else ""

    def _related(self, node: str, a: Attributes) -> str | None:
        if not a.name:
            return "No Object name found"
        if self._graph.has(node, a.resource, a.namespace, a.name):
            return None
        return f"no relationship found between node '{node}' and this object"

    def _read_one(self, node: str, a: Attributes) -> str | None:
        if a.verb not in READING:
            return "can only read resources of this type"
        if a.subresource:
            return "cannot read subresource"
        if not a.namespace:
            return "can only read namespaced object of this type"
        return self._related(node, a)

    def _get(self, node: str, a: Attributes) -> str | None:
        if a.verb != "get":
            return "can only get individual resources of this type"
        if a.subresource:
            return "cannot get subresource"
        return self._related(node, a)

    def _claim(self, node: str, a: Attributes) -> str | None:
        if a.subresource != "status":
            return self._get(node, a)
        return self._related(node, a) if a.verb in ("update", "patch") else "can only get/update/patch this type"

    def _account(self, node: str, a: Attributes) -> str | None:
        if a.verb == "get" and not a.subresource:
            return self._get(node, a)
        if a.verb != "create" or not a.name:
            return "can only create tokens for individual service accounts"
        if a.subresource != "token":
            return "can only create token subresource of serviceaccount"
        return self._related(node, a)

    def _pod(self, node: str, a: Attributes) -> str | None:
        """Single pods of the node, lists that select them, and what NodeRestriction narrows further."""
        if a.subresource:
            allowed = (a.subresource, a.verb) in (("status", "update"), ("status", "patch"), ("eviction", "create"))
            return None if allowed else ""
        if a.verb == "get":
            return self._get(node, a)
        if a.verb in ("list", "watch"):
            if _selects(a, node):
                return None
            return "can only list/watch pods with spec.nodeName field selector"
        return None if a.verb in ("create", "delete") else ""

    def _slice(self, node: str, a: Attributes) -> str | None:
        if a.subresource:
            return "cannot authorize ResourceSlice subresources"
        if a.verb == "create":
            return None
        if a.verb in ("get", "update", "patch", "delete"):
            return self._related(node, a)
        if a.verb in ("list", "watch", "deletecollection"):
            if _selects(a, node):
                return None
            return "can only list/watch/deletecollection resourceslices with nodeName field selector"
        return "can only get, create, update, patch, delete, list, watch, or deletecollection a ResourceSlice"


def _selects(a: Attributes, node: str) -> bool:
    """Whether the request's field selector narrows it to what is on the node."""
    if not a.field_selector:
        return False
    try:
        return fields.parse(a.field_selector).exact("spec.nodeName") == node
    except ValueError:
        return False


def _node(node: str, a: Attributes) -> str | None:
    if a.subresource:
        return None if a.subresource == "status" and a.verb in ("update", "patch") else ""
    if a.verb in ("create", "update", "patch"):
        return None
    if a.verb not in READING:
        return ""
    if a.name == node:
        return None
    if not a.name:
        return f"node '{node}' cannot read all nodes, only its own Node object"
    return f"node '{node}' cannot read '{a.name}', only its own Node object"


def _lease(node: str, a: Attributes) -> str | None:
    if a.verb not in WRITING:
        return "can only get, create, update, patch, or delete a node lease"
    if a.namespace != NODE_LEASES:
        return f'can only access leases in the "{NODE_LEASES}" system namespace'
    if a.verb != "create" and a.name != node:
        return "can only access node lease with the same name as the requesting node"
    return None


def _csi_node(node: str, a: Attributes) -> str | None:
    if a.verb not in WRITING:
        return "can only get, create, update, patch, or delete a CSINode"
    if a.subresource:
        return "cannot authorize CSINode subresources"
    if a.verb != "create" and a.name != node:
        return "can only access CSINode with the same name as the requesting node"
    return None
