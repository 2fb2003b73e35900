"""Puts the rules of other ClusterRoles into those that aggregate them.

Flow: any ClusterRole changes → every aggregating one → `plan.rules` → server-side apply of `rules`, of which this controller then
is the owner. Source: pkg/controller/clusterroleaggregation.
"""

from __future__ import annotations

import msgspec

from kubelite.api.rbac.cluster_role import CLUSTER_ROLE
from kubelite.api.types.rbac_v1 import ClusterRole
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.clusterroleaggregation import plan
from kubelite.controllers.context import Context
from kubelite.machinery.errors import StatusError

NAME = "clusterrole-aggregation-controller"


class ClusterRoleAggregationController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._roles: Informer[ClusterRole] = context.informers.get(CLUSTER_ROLE)
        self.loop = Controller(NAME, self.reconcile, workers=2, observe=context.observe)
        self.loop.watch(self._roles, self._aggregating)

    async def run(self) -> None:
        await self.loop.run(self._roles)

    async def reconcile(self, key: str) -> Result | None:
        """Make the rules of one role right."""
        role = self._roles.get(key)
        wanted = plan.rules(role, self._roles.list()) if role is not None else None
        if role is None or wanted is None or wanted == role.rules:
            return None
        patch = {
            "apiVersion": CLUSTER_ROLE.api_version,
            "kind": CLUSTER_ROLE.kind,
            "metadata": {"name": key},
            "rules": [msgspec.to_builtins(rule) for rule in wanted],
        }
        try:
            await self._client.patch(
                CLUSTER_ROLE, key, patch, patch_type="apply", field_manager=NAME, force=True, type=ClusterRole
            )
        except StatusError as error:
            if error.code != 404:
                raise
        return None

    def _aggregating(self, change: Change[ClusterRole]) -> list[str]:
        found = [one.metadata.name for one in self._roles.list() if one.aggregationRule is not None]
        new = change.new
        if new is not None and new.aggregationRule is not None and new.metadata.name not in found:
            found.append(new.metadata.name)
        return found
