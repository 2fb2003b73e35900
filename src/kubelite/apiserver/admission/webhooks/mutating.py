"""MutatingAdmissionWebhook: servers of others may change what is written.

Flow: one webhook after the other is asked; its JSON patch is applied, the object is decoded and filled with defaults, and the
next one sees the result. Whoever changed the object causes a second round (`admission.again`). Source:
apiserver/pkg/admission/plugin/webhook/mutating/dispatcher.go.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any

from kubelite.apiserver.admission.again import turn_of
from kubelite.apiserver.admission.dynamic.matching import CONFIGURATIONS, GROUP
from kubelite.apiserver.admission.dynamic.seen import NotChangeable, Seen
from kubelite.apiserver.admission.plugin import Plugin
from kubelite.apiserver.admission.webhooks.ask import Asker
from kubelite.apiserver.admission.webhooks.hooks import Hook, Hooks
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import errors, jsonpatch
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind

MUTATION, PATCH = "mutation.webhook.admission.k8s.io", "patch.webhook.admission.k8s.io"


class MutatingAdmissionWebhook(Plugin):
    """The plugin."""

    name = "MutatingAdmissionWebhook"

    def __init__(self, hooks: Hooks, asker: Asker) -> None:
        self._hooks = hooks
        self._asker = asker

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return not (kind.group == GROUP and kind.plural in CONFIGURATIONS)

    def mutate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        if not self._hooks.any:
            return None
        seen = Seen(request, mutating=True)
        found = self._hooks.index.of(seen)
        return self._ask_all(seen, found) if found else None

    async def close(self) -> None:
        await self._asker.callers.close()

    async def _ask_all(self, seen: Seen, found: list[tuple[Hook, Kind]]) -> None:
        again, turn = turn_of(seen.request, self.name)
        if again.second and turn.idle:
            return
        facts: dict[int, Any] = {}
        try:
            for hook, kind in found:
                if again.second and not turn.is_due(hook.key):
                    continue
                if not await self._asker.concerned(seen, hook, kind, facts):
                    continue
                if await self._ask(seen, hook, kind, 1 if again.second else 0):
                    facts.clear()
                    turn.require()
                    again.wanted = True
                if hook.reinvoked:
                    turn.asked(hook.key)
        finally:
            turn.left(seen.request)

    async def _ask(self, seen: Seen, hook: Hook, kind: Kind, round_: int) -> bool:
        """Whether the webhook changed the object."""
        where = f"round_{round_}_index_{hook.position}"
        annotations = seen.request.annotations
        answer = await self._asker.ask(seen, hook, kind)
        if answer is None:
            annotations[f"failed-open.{MUTATION}/{where}"] = hook.name
            return False
        changed = bool(answer.patch) and await self._apply(seen, hook, kind, answer.patch)
        said: dict[str, Any] = {"configuration": hook.configuration, "webhook": hook.name, "mutated": changed}
        annotations[f"{MUTATION}/{where}"] = json.dumps(said, separators=(",", ":"))
        if changed:
            said = {**said, "patch": answer.patch, "patchType": "JSONPatch"}
            del said["mutated"]
            annotations[f"{PATCH}/{where}"] = json.dumps(said, separators=(",", ":"))
        return changed

    async def _apply(self, seen: Seen, hook: Hook, kind: Kind, patch: Any) -> bool:
        document = seen.object(kind)
        try:
            if document is None:
                raise NotChangeable
            patched = jsonpatch.apply(document, patch)
            if patched == document:
                return False
            if not isinstance(patched, dict):
                raise errors.internal_error(f'webhook "{hook.name}" made something that is no object')
            await seen.store(kind, patched)
        except NotChangeable:
            text = f'admission webhook "{hook.name}" attempted to modify the object, which is not supported for this operation'
            raise errors.internal_error(text) from None
        except StatusError as error:
            if error.code >= 500:
                raise
            raise errors.internal_error(error.message) from None
        except (ValueError, RecursionError) as error:
            raise errors.internal_error(str(error)) from None
        return True
