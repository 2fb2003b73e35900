"""ValidatingAdmissionWebhook: servers of others may refuse what is written, deleted or connected to.

Flow: all webhooks that a request concerns are asked at the same time; each may refuse, warn, and annotate the audit log. Source:
apiserver/pkg/admission/plugin/webhook/validating/dispatcher.go.
"""

from __future__ import annotations

from collections.abc import Awaitable

from kubelite.apiserver.admission.dynamic.matching import CONFIGURATIONS, GROUP
from kubelite.apiserver.admission.dynamic.seen import Seen
from kubelite.apiserver.admission.plugin import Plugin
from kubelite.apiserver.admission.webhooks.ask import Asker, all_of
from kubelite.apiserver.admission.webhooks.hooks import Hook, Hooks
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind


class ValidatingAdmissionWebhook(Plugin):
    """The plugin."""

    name = "ValidatingAdmissionWebhook"

    def __init__(self, hooks: Hooks, asker: Asker) -> None:
        self._hooks = hooks
        self._asker = asker

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return not (kind.group == GROUP and kind.plural in CONFIGURATIONS)

    def validate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        if not self._hooks.any:
            return None
        seen = Seen(request)
        found = self._hooks.index.of(seen)
        return self._ask_all(seen, found) if found else None

    async def close(self) -> None:
        await self._asker.callers.close()

    async def _ask_all(self, seen: Seen, found: list[tuple[Hook, Kind]]) -> None:
        facts: dict[int, object] = {}
        concerned = [(hook, kind) for hook, kind in found if await self._asker.concerned(seen, hook, kind, facts)]
        for _, kind in concerned:
            await seen.load(kind)
        if len(concerned) == 1:
            await self._ask(seen, *concerned[0])
        elif concerned:
            await all_of(*(self._ask(seen, hook, kind) for hook, kind in concerned))

    async def _ask(self, seen: Seen, hook: Hook, kind: Kind) -> None:
        answer = await self._asker.ask(seen, hook, kind)
        if answer is None:
            key = f"failed-open.validating.webhook.admission.k8s.io/round_0_index_{hook.position}"
            seen.request.annotations[key] = hook.name
