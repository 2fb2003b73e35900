"""Removes tokens in Secrets that a cluster once made by itself and that nobody has used for a year.

What: the wiring of `plan`. Flow: once a day, if the API server has noted uses for long enough → idle tokens → first a label, with
which they are refused; after the same time again they are deleted. Somebody who misses one takes the label off.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from kubelite.api import constants
from kubelite.api.core.secret import SECRET, SERVICE_ACCOUNT_TOKEN
from kubelite.api.types.core_v1 import ConfigMap, Secret, ServiceAccount
from kubelite.api.types.meta_v1 import DeleteOptions, ObjectMeta, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Informer
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import CONFIG_MAP, POD, SERVICE_ACCOUNT
from kubelite.controllers.legacytokencleaner import plan
from kubelite.controllers.serviceaccounttoken.plan import account_of
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

NAME = "legacy-serviceaccount-token-cleaner-controller"
KEY = "all"
PERIOD_SECONDS = 24 * 3600.0
log = get_logger(__name__)


class _Pod(msgspec.Struct):
    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)
    spec: dict[str, Any] = {}


class LegacyTokenCleaner:
    """`idle_seconds`: how long a token is not used before it is marked, and then before it is deleted."""

    def __init__(self, context: Context, idle_seconds: float) -> None:
        self._client = context.client
        self._clock = context.clock
        self._idle = timedelta(seconds=idle_seconds)
        self._secrets: Informer[Secret] = context.informers.select(SECRET, Secret, f"type={SERVICE_ACCOUNT_TOKEN}")
        self._accounts: Informer[ServiceAccount] = context.informers.get(SERVICE_ACCOUNT)
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)

    async def run(self) -> None:
        self.loop.queue.add(KEY)
        await self.loop.run(self._secrets, self._accounts)

    async def reconcile(self, key: str) -> Result | None:
        """All tokens of the cluster."""
        now = self._clock.now()
        if plan.tracked_long_enough(await self._since(), now, self._idle):
            mounted: dict[str, set[str]] = {}
            for secret in self._secrets.list():
                space = secret.metadata.namespace
                account = self._accounts.get(f"{space}/{account_of(secret)}")
                if plan.verdict(secret, account, (), now, self._idle) == plan.KEEP:
                    continue
                if space not in mounted:
                    mounted[space] = await self._mounted(space)
                await self._act(secret, plan.verdict(secret, account, mounted[space], now, self._idle))
        return Result(PERIOD_SECONDS)

    async def _since(self) -> str:
        """The day on which the API server began to note uses."""
        try:
            found: ConfigMap = await self._client.get(CONFIG_MAP, plan.TRACKING, constants.NAMESPACE_SYSTEM)
        except StatusError as error:
            if error.code == 404:
                return ""
            raise
        return found.data.get(plan.SINCE, "")

    async def _mounted(self, namespace: str) -> set[str]:
        listed = await self._client.list(POD, namespace, type=_Pod, resource_version="0")
        return set().union(*(plan.words(pod.spec) for pod in listed.items))

    async def _act(self, secret: Secret, what: str) -> None:
        meta = secret.metadata
        try:
            if what == plan.MARK:
                today = self._clock.now().strftime("%Y-%m-%d")
                patch = {"metadata": {"uid": meta.uid, "labels": {plan.INVALID_SINCE: today}}}
                await self._client.patch(SECRET, meta.name, patch, meta.namespace, patch_type="merge")
                log.info("Marked a service account's token as invalid", secret=f"{meta.namespace}/{meta.name}")
            elif what == plan.DELETE:
                options = DeleteOptions(preconditions=Preconditions(resourceVersion=meta.resourceVersion))
                await self._client.delete(SECRET, meta.name, meta.namespace, options=options)
                log.info("Deleted a service account's token", secret=f"{meta.namespace}/{meta.name}")
        except StatusError as error:
            if error.code not in (404, 409):
                raise
