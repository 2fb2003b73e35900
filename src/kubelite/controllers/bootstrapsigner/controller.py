"""Signs the cluster's public description with each bootstrap token.

Flow: ConfigMap cluster-info of kube-public or a token changes → `plan.data` → update. Source: pkg/controller/bootstrap.
"""

from __future__ import annotations

from kubelite.api import constants
from kubelite.api.core.config_map import CONFIG_MAP
from kubelite.api.core.secret import SECRET
from kubelite.api.types.core_v1 import ConfigMap, Secret
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.bootstrapsigner import plan
from kubelite.controllers.bootstraptokens import TYPE, seconds_left
from kubelite.controllers.context import Context
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError

NAME = "bootstrap-signer-controller"
MAP = "cluster-info"
KEY = f"{constants.NAMESPACE_PUBLIC}/{MAP}"


class BootstrapSigner:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._maps: Informer[ConfigMap] = context.informers.select(CONFIG_MAP, ConfigMap, f"metadata.name={MAP}")
        self._secrets: Informer[Secret] = context.informers.select(SECRET, Secret, f"type={TYPE}")
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._maps, _always_the_map)
        self.loop.watch(self._secrets, _always_the_map)

    async def run(self) -> None:
        await self.loop.run(self._maps, self._secrets)

    async def reconcile(self, key: str) -> Result | None:
        """Make the signatures right."""
        present = self._maps.get(KEY)
        if present is None:
            return None
        now = self._clock.now()
        secrets = [one for one in self._secrets.list() if one.metadata.namespace == constants.NAMESPACE_SYSTEM]
        wanted = plan.data(present.data, secrets, now)
        if wanted != present.data:
            changed = codec.clone(present)
            changed.data = wanted
            try:
                await self._client.update(CONFIG_MAP, changed)
            except StatusError as error:
                if error.code != 404:
                    raise
        ends = [left for secret in secrets if (left := seconds_left(secret, now)) is not None and left > 0]
        return Result(min(ends)) if ends else None


def _always_the_map(change: Change[ConfigMap] | Change[Secret]) -> list[str]:
    return [KEY]
