"""Puts the authorizers of a server together, and follows the AuthorizationConfiguration file.

What: `Parts` with the `chain` and `run`. Why: the order of authorizers is the administrator's; a changed file takes
effect without a restart. Flow: flags or file → modes → `Chain`; the caches feed roles, bindings and what pods refer
to.
Source: pkg/kubeapiserver/authorizer/{config,reload}.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.apiserver.authn.files import Files
from kubelite.apiserver.authz import configuration
from kubelite.apiserver.authz.chain import Chain, ConstantMode, Mode, RbacMode, Remote
from kubelite.apiserver.authz.roles import RoleIndex
from kubelite.apiserver.config import Config
from kubelite.apiserver.lookup import Lookup
from kubelite.machinery import times

GROUP = "rbac.authorization.k8s.io"


class Parts:
    """The authorizers. Raises OSError or ValueError for settings that cannot be used."""

    def __init__(self, config: Config, registry: Any) -> None:
        self._config = config
        self._lookup = Lookup(registry)
        self._node: Mode | None = None
        self._webhooks: list[Any] = []
        self.files = Files()
        self.index = RoleIndex()
        _follow_roles(self._lookup, self.index)
        entries = configuration.of(config)
        self.names = tuple(one.type for one in entries)
        self.chain = Chain(self._modes(entries), self.index)
        if config.authorization_config:
            self.files.follow([config.authorization_config], self._load)

    def _load(self) -> None:
        entries = configuration.of(self._config)
        found = {one.type for one in entries if one.type != "Webhook"}
        if found != {name for name in self.names if name != "Webhook"}:
            raise ValueError("authorizers other than webhooks can only be changed by a restart")
        self.chain.replace(self._modes(entries))

    def _modes(self, entries: list[configuration.Authorizer]) -> list[Mode | Remote]:
        return [self._mode(entry) for entry in entries]

    def _mode(self, entry: configuration.Authorizer) -> Mode | Remote:
        if entry.type == "RBAC":
            return RbacMode(self.index)
        if entry.type == "Node":
            if self._node is None:
                self._node = _node_mode(self._lookup)
            return self._node
        if entry.type == "Webhook" and entry.webhook is not None:
            return self._webhook(entry.name, entry.webhook)
        return ConstantMode(allow=entry.type == "AlwaysAllow")

    def _webhook(self, name: str, entry: configuration.WebhookEntry) -> Remote:
        from kubelite.apiserver.authn.expressions import Expression, request_variables
        from kubelite.apiserver.authn.remote import Webhook
        from kubelite.apiserver.authz.webhook import WebhookMode, WebhookSettings

        settings = WebhookSettings(
            name,
            entry.subjectAccessReviewVersion,
            times.parse_duration(entry.authorizedTTL) if entry.cacheAuthorizedRequests else 0.0,
            times.parse_duration(entry.unauthorizedTTL) if entry.cacheUnauthorizedRequests else 0.0,
            entry.failurePolicy == "Deny",
            tuple(Expression(one.expression, request_variables(), ("bool",)) for one in entry.matchConditions),
        )
        webhook = Webhook(entry.connectionInfo.kubeConfigFile, seconds=times.parse_duration(entry.timeout))
        self._webhooks.append(webhook)
        return WebhookMode(webhook, settings)

    async def run(self) -> None:
        """Follows the file until cancelled."""
        try:
            await self.files.run()
        finally:
            for webhook in self._webhooks:
                await webhook.close()


def _node_mode(lookup: Lookup) -> Mode:
    from kubelite.apiserver.authz.graph import PodGraph
    from kubelite.apiserver.authz.node import NodeMode
    from kubelite.apiserver.bootstrap import component_policy

    graph = PodGraph()
    lookup.follow_bodies("pods", "", graph.set_body)
    lookup.follow_bodies("persistentvolumes", "", graph.set_volume)
    lookup.follow_bodies("volumeattachments", "storage.k8s.io", graph.set_attachment)
    lookup.follow_bodies("resourceslices", "resource.k8s.io", graph.set_slice)
    rules = next(one.rules for one in component_policy.cluster_roles() if one.metadata.name == "system:node")
    return NodeMode(graph, rules)


def _follow_roles(lookup: Lookup, index: RoleIndex) -> None:
    from kubelite.api.types.rbac_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding

    lookup.follow("roles", GROUP, Role, index.set_role)
    lookup.follow("clusterroles", GROUP, ClusterRole, index.set_role)
    lookup.follow("rolebindings", GROUP, RoleBinding, index.set_binding)
    lookup.follow("clusterrolebindings", GROUP, ClusterRoleBinding, index.set_binding)
