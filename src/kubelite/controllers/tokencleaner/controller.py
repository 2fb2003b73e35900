"""Deletes bootstrap tokens that have expired.

Flow: Secret of kube-system with a token → `controllers.bootstraptokens.seconds_left` → delete, or again when its time has come.
Source: pkg/controller/bootstrap/tokencleaner.go.
"""

from __future__ import annotations

from kubelite.api import constants
from kubelite.api.core.secret import SECRET
from kubelite.api.types.core_v1 import Secret
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Informer, split_key
from kubelite.controllers.bootstraptokens import TYPE, seconds_left
from kubelite.controllers.context import Context
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

NAME = "token-cleaner-controller"
log = get_logger(__name__)


class TokenCleaner:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._secrets: Informer[Secret] = context.informers.select(SECRET, Secret, f"type={TYPE}")
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._secrets)

    async def run(self) -> None:
        await self.loop.run(self._secrets)

    async def reconcile(self, key: str) -> Result | None:
        """Delete one token if it has expired."""
        namespace, name = split_key(key)
        secret = self._secrets.get(key) if namespace == constants.NAMESPACE_SYSTEM else None
        left = seconds_left(secret, self._clock.now()) if secret is not None else None
        if secret is None or left is None:
            return None
        if left > 0:
            return Result(left)
        log.info("Deleting an expired bootstrap token", secret=name)
        options = DeleteOptions(preconditions=Preconditions(uid=secret.metadata.uid))
        try:
            await self._client.delete(SECRET, name, namespace, options=options)
        except StatusError as error:
            if error.code not in (404, 409):
                raise
        return None
