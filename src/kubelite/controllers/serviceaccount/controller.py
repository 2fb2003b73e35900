"""Gives each namespace its default service account.

Flow: a namespace that is active and lacks ServiceAccount `default` → create. Deleting the account brings it back.
Source: pkg/controller/serviceaccount/serviceaccounts_controller.go.
"""

from __future__ import annotations

from kubelite.api.types.core_v1 import ServiceAccount
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import NAMESPACE, SERVICE_ACCOUNT
from kubelite.controllers.objects import Bare
from kubelite.controllers.podcontrol import is_terminating_namespace
from kubelite.machinery.errors import StatusError

NAME = "serviceaccount-controller"
ACCOUNT = "default"


class ServiceAccountController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._namespaces = context.informers.get(NAMESPACE)
        self._accounts: Informer[Bare] = context.informers.select(SERVICE_ACCOUNT, Bare, f"metadata.name={ACCOUNT}")
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._namespaces)
        self.loop.watch(self._accounts, _namespace_of_gone)

    async def run(self) -> None:
        await self.loop.run(self._namespaces, self._accounts)

    async def reconcile(self, key: str) -> Result | None:
        """Create the account of one namespace if it is missing."""
        namespace = self._namespaces.get(key)
        if namespace is None or namespace.metadata.deletionTimestamp is not None:
            return None
        if self._accounts.get(f"{key}/{ACCOUNT}") is not None:
            return None
        account = ServiceAccount()
        account.metadata.name, account.metadata.namespace = ACCOUNT, key
        try:
            await self._client.create(SERVICE_ACCOUNT, account)
        except StatusError as error:
            if error.reason != "AlreadyExists" and error.code != 404 and not is_terminating_namespace(error):
                raise
        return None


def _namespace_of_gone(change: Change[Bare]) -> list[str]:
    return [change.object.metadata.namespace] if change.new is None else []
