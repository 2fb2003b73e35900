"""One webhook asked about one request.

What: `Asker.concerned` (selectors, match conditions) and `Asker.ask` (the call, its metrics, its failures). Why: mutating and
validating webhooks differ only in what an answer may do. Flow: plugin → `concerned` → `ask` → `Answer`, None where the webhook
failed and may be ignored, or StatusError. Sources: apiserver/pkg/admission/plugin/webhook/{generic,mutating,validating}.
"""

from __future__ import annotations

import asyncio
import uuid
from time import perf_counter
from typing import Any

from kubelite.apiserver.admission import observed
from kubelite.apiserver.admission.dynamic.namespaces import Namespaces
from kubelite.apiserver.admission.dynamic.review import request_of
from kubelite.apiserver.admission.dynamic.seen import Seen
from kubelite.apiserver.admission.plugin import denied
from kubelite.apiserver.admission.webhooks import answers
from kubelite.apiserver.admission.webhooks.answers import Answer, BadAnswer
from kubelite.apiserver.admission.webhooks.client import Callers, CallFailed
from kubelite.apiserver.admission.webhooks.hooks import Hook
from kubelite.machinery import codec, errors
from kubelite.machinery.kind import Kind
from kubelite.util.log import get_logger

log = get_logger(__name__)

CALLING, INTERNAL, NO_ERROR = "calling_webhook_error", "apiserver_internal_error", "no_error"


class Failed(Exception):
    """The webhook could not be asked, or gave no usable answer."""


class Asker:
    """`type_` is "admit" or "validating", as upstream's metrics name the two."""

    def __init__(self, callers: Callers, namespaces: Namespaces, reviewer: Any, type_: str) -> None:
        self.callers = callers
        self._namespaces = namespaces
        self._reviewer = reviewer
        self._type = type_

    async def concerned(self, seen: Seen, hook: Hook, kind: Kind, facts: dict[Any, Any]) -> bool:
        """Whether selectors and match conditions want the webhook to be asked. Raises StatusError 403, 404, 500."""
        matcher = hook.matcher
        space = await self._namespaces.labels(seen) if matcher.wants_namespace else None
        if not matcher.selects(seen, space):
            return False
        if not hook.has_conditions:
            return True
        from kubelite.apiserver.admission.dynamic.facts import Facts, Permissions

        await seen.load(kind)
        known = facts.get(id(kind))
        if known is None:
            permissions = Permissions(self._reviewer, seen.request.user)
            known = facts[id(kind)] = Facts(seen, kind, permissions, lambda: None)
        failed, problem = await hook.conditions.failed(known, known.permissions)
        labels = ("webhook", hook.name, seen.operation, self._type)
        if problem:
            observed.CONDITION_ERRORS.inc(*labels)
            if hook.fails:
                raise denied(seen.request, problem)
            return False
        if failed:
            observed.EXCLUSIONS.inc(*labels)
        return not failed

    async def ask(self, seen: Seen, hook: Hook, kind: Kind) -> Answer | None:
        """What the webhook says. Raises StatusError for a refusal, and for a failure that counts as one."""
        if seen.request.dry_run and not hook.dry:
            raise answers.no_dry_run(hook.name)
        started = perf_counter()
        rejected, code, error_type = True, 0, NO_ERROR
        try:
            answer = await self._call(seen, hook, kind)
            rejected, code = not answer.allowed, 200
        except Failed as failure:
            error_type, code = CALLING, getattr(failure.__cause__, "code", 0)
            rejected = hook.fails
            if not hook.fails:
                log.warning("a webhook failed and is ignored", webhook=hook.name, error=str(failure))
                observed.FAIL_OPEN.inc(hook.name, self._type)
                return None
            raise errors.internal_error(f'failed calling webhook "{hook.name}": {failure}') from None
        finally:
            self._count(hook, seen.operation, perf_counter() - started, code, error_type, rejected=rejected)
        self._report(seen, hook, answer)
        if not answer.allowed:
            refusal = answers.refusal(hook.name, answer.result)
            observed.REJECTIONS.inc(
                NO_ERROR, hook.name, seen.operation, str(min(refusal.code, observed.MOST_CODE)), self._type
            )
            raise refusal
        return answer

    async def _call(self, seen: Seen, hook: Hook, kind: Kind) -> Answer:
        version = answers.version_of(hook.versions)
        if not version:
            raise Failed(
                "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)"
            )
        await seen.load(kind)
        uid = str(uuid.uuid4())
        request = {"uid": uid, **request_of(seen, kind), "object": seen.object(kind), "oldObject": seen.old(kind)}
        body = codec.encode(answers.review(version, request))
        try:
            found = await self.callers.call(hook.client, body, hook.seconds)
        except CallFailed as error:
            raise Failed(f"failed to call webhook: {error}") from error
        try:
            return answers.read(found, version, uid, mutating=self._type == "admit")
        except BadAnswer as error:
            raise Failed(f"received invalid webhook response: {error}") from None

    def _count(self, hook: Hook, operation: str, seconds: float, code: int, error_type: str, *, rejected: bool) -> None:
        shown = "true" if rejected else "false"
        observed.WEBHOOK.observe(seconds, hook.name, operation, shown, self._type)
        observed.REQUESTS.inc(str(min(code, observed.MOST_CODE)), hook.name, operation, shown, self._type)
        if rejected and error_type != NO_ERROR:
            observed.REJECTIONS.inc(error_type, hook.name, operation, "0", self._type)

    @staticmethod
    def _report(seen: Seen, hook: Hook, answer: Answer) -> None:
        """Annotations for the audit log and warnings for the client, whatever the webhook decided."""
        for key, value in answer.annotations.items():
            seen.request.annotations[f"{hook.name}/{key}"] = value
        seen.request.warnings.extend(answer.warnings)


async def all_of(*work: Any) -> list[Any]:
    """Runs everything at the same time and to its end; raises the first failure in order."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
