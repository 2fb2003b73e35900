"""May they: the superuser group, the node authorizer, and roles with bindings.

`build` makes the chain of a server and joins it to the caches; `refuse` makes the 403 answer.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from kubelite.apiserver.authz.chain import MODES, Chain, ConstantMode, Mode, RbacMode
from kubelite.apiserver.authz.refusal import message, refuse
from kubelite.apiserver.authz.roles import RoleIndex
from kubelite.apiserver.config import Config
from kubelite.apiserver.lookup import Lookup

__all__ = ["Chain", "build", "message", "refuse"]

GROUP = "rbac.authorization.k8s.io"
_chains: WeakKeyDictionary[Any, Chain] = WeakKeyDictionary()


def build(config: Config, registry: Any) -> Chain:
    """The authorizer of a server. Raises ValueError for an unknown mode."""
    chain = _chains.get(registry)
    if chain is None:
        chain = _chains[registry] = _build(config, registry)
    return chain


def _build(config: Config, registry: Any) -> Chain:
    lookup = Lookup(registry)
    index = RoleIndex()
    modes: list[Mode] = []
    for name in [one.strip() for one in config.authorization_mode.split(",") if one.strip()]:
        if name not in MODES:
            raise ValueError(f"unknown authorization mode {name!r}, known are {', '.join(MODES)}")
        if name == "RBAC":
            modes.append(RbacMode(index))
        elif name == "Node":
            modes.append(_node_mode(lookup))
        else:
            modes.append(ConstantMode(allow=name == "AlwaysAllow"))
    _follow_roles(lookup, index)
    return Chain(modes, index)


def _node_mode(lookup: Lookup) -> Mode:
    from kubelite.apiserver.authz.node import NodeMode, PodGraph
    from kubelite.apiserver.bootstrap import component_policy

    graph = PodGraph()
    lookup.follow_bodies("pods", "", graph.set_body)
    rules = next(one.rules for one in component_policy.cluster_roles() if one.metadata.name == "system:node")
    return NodeMode(graph, rules)


def _follow_roles(lookup: Lookup, index: RoleIndex) -> None:
    from kubelite.api.types.rbac_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding

    lookup.follow("roles", GROUP, Role, index.set_role)
    lookup.follow("clusterroles", GROUP, ClusterRole, index.set_role)
    lookup.follow("rolebindings", GROUP, RoleBinding, index.set_binding)
    lookup.follow("clusterrolebindings", GROUP, ClusterRoleBinding, index.set_binding)
