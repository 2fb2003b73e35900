"""Notes when tokens in Secrets of service accounts are used, by the day.

What: `LegacyTokens.used` and `run`. Why: such tokens do not end; whoever wants to be rid of them must know which are in use, and
since when anybody has looked. Flow: a token was taken → its Secret's label is of another day → queue of at most `WAITING` → the
label is written; a full queue drops the news, the next use brings it again. At start the ConfigMap with the first day is made.
Source: pkg/serviceaccount/legacy.go, pkg/controlplane/controller/legacytokentracking.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from kubelite.api import constants
from kubelite.api.core.config_map import CONFIG_MAP
from kubelite.api.core.secret import SECRET
from kubelite.api.types.core_v1 import ConfigMap, Secret
from kubelite.machinery.errors import StatusError
from kubelite.storage.interface import StoreError
from kubelite.util.clock import Clock
from kubelite.util.log import get_logger

LAST_USED = "kubernetes.io/legacy-token-last-used"
CONFIG = "kube-apiserver-legacy-service-account-token-tracking"
SINCE = "since"
WAITING = 1000
RETRY_SECONDS = 5.0
log = get_logger(__name__)


class LegacyTokens:
    """One for each server; several write the same."""

    def __init__(self, registry: Any, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._due: dict[tuple[str, str], str] = {}
        """(namespace, name) → UID."""
        self._wake = asyncio.Event()

    def used(self, secret: Secret) -> None:
        """Cheap: it is asked at every request with such a token."""
        meta, now = secret.metadata, self._clock.now()
        if meta.labels.get(LAST_USED) in (_day(now), _day(now + timedelta(days=1))) or len(self._due) >= WAITING:
            return
        self._due[meta.namespace, meta.name] = meta.uid
        self._wake.set()

    async def run(self) -> None:
        """Never returns."""
        await self._note_first_day()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                (namespace, name), uid = next(iter(self._due.items()))
                del self._due[namespace, name]
                await self._write(namespace, name, uid)

    async def _write(self, namespace: str, name: str, uid: str) -> None:
        today = _day(self._clock.now())

        def edit(present: Secret) -> None:
            if present.metadata.uid == uid:
                present.metadata.labels = {**present.metadata.labels, LAST_USED: today}

        try:
            await self._registry.change(SECRET, name, namespace, edit)
        except (StatusError, StoreError) as error:
            if not (isinstance(error, StatusError) and error.code == 404):
                log.warning("the use of a token could not be noted", secret=f"{namespace}/{name}", error=str(error))

    async def _note_first_day(self) -> None:
        """From this day on, what has no label was not used."""
        if self._registry.scheme.by_kind(CONFIG_MAP.api_version, CONFIG_MAP.kind) is None:
            return
        while True:
            try:
                await self._make_note()
                return
            except (StatusError, StoreError) as error:
                log.warning("the first day of tracking tokens could not be noted", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _make_note(self) -> None:
        space, today = constants.NAMESPACE_SYSTEM, _day(self._clock.now())
        present = self._registry.cached(CONFIG_MAP, space, CONFIG)
        if present is not None and _is_day(present.data.get(SINCE, "")):
            return
        made = ConfigMap(data={SINCE: today})
        made.metadata.name, made.metadata.namespace = CONFIG, space
        try:
            if present is None:
                await self._registry.create(CONFIG_MAP, made, space)
            else:
                await self._registry.change(CONFIG_MAP, CONFIG, space, lambda found: found.data.update({SINCE: today}))
        except StatusError as error:
            if error.reason not in ("AlreadyExists", "NotFound"):
                raise


def _day(now: datetime) -> str:
    return now.strftime("%Y-%m-%d")


def _is_day(text: str) -> bool:
    try:
        return _day(datetime.strptime(text, "%Y-%m-%d")) == text
    except ValueError:
        return False
