"""Publishes the cluster's CA certificate in each namespace, as ConfigMap `kube-root-ca.crt`.

Why: pods check the API server's certificate with it (the projected service account volume).
Flow: an active namespace whose ConfigMap is missing or differs (`plan`) → create or update.
Source: pkg/controller/certificates/rootcacertpublisher.
"""

from __future__ import annotations

from kubelite.api.types.core_v1 import ConfigMap
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import CONFIG_MAP, NAMESPACE
from kubelite.controllers.podcontrol import is_terminating_namespace
from kubelite.controllers.rootca.plan import MAP, wanted
from kubelite.machinery.errors import StatusError

NAME = "root-ca-certificate-publisher-controller"


class RootCaController:
    """`bundle` is the PEM text to publish."""

    def __init__(self, context: Context, bundle: str) -> None:
        self._client = context.client
        self._bundle = bundle
        self._namespaces = context.informers.get(NAMESPACE)
        self._maps: Informer[ConfigMap] = context.informers.select(CONFIG_MAP, ConfigMap, f"metadata.name={MAP}")
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._namespaces)
        self.loop.watch(self._maps, _namespace_of)

    async def run(self) -> None:
        await self.loop.run(self._namespaces, self._maps)

    async def reconcile(self, key: str) -> Result | None:
        """Make the ConfigMap of one namespace right."""
        namespace = self._namespaces.get(key)
        if namespace is None or namespace.metadata.deletionTimestamp is not None:
            return None
        present = self._maps.get(f"{key}/{MAP}")
        written = wanted(present, key, self._bundle)
        if written is None:
            return None
        try:
            await (self._client.create if present is None else self._client.update)(CONFIG_MAP, written)
        except StatusError as error:
            if error.reason != "AlreadyExists" and error.code != 404 and not is_terminating_namespace(error):
                raise
        return None


def _namespace_of(change: Change[ConfigMap]) -> list[str]:
    return [change.object.metadata.namespace]
