"""Reviews of webhooks: what is sent, and what an answer means.

What: `review(version, request)`, `read(answer, ...)` and the errors. Why: what comes back is not trusted: an answer to another
question, or one that allows and patches where it may not, is a failure of the webhook. Flow: pure; `ask` sends. Sources:
apiserver/pkg/admission/plugin/webhook/{request/admissionreview.go,errors/statuserror.go}.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, NamedTuple

import msgspec

from kubelite.machinery.errors import StatusError

GROUP = "admission.k8s.io"
VERSIONS = ("v1", "v1beta1")
MAX_ANNOTATION = 10 * 1024


class BadAnswer(Exception):
    """The webhook answered something that is no review of the request."""


class Answer(NamedTuple):
    """What a webhook says."""

    allowed: bool
    patch: list[Any] | None
    warnings: list[str]
    annotations: dict[str, str]
    result: dict[str, Any]


def version_of(offered: Any) -> str:
    """The first version of reviews that this server speaks; "" if there is none."""
    return next((one for one in offered if one in VERSIONS), "")


def review(version: str, request: dict[str, Any]) -> dict[str, Any]:
    """The AdmissionReview to send."""
    return {"kind": "AdmissionReview", "apiVersion": f"{GROUP}/{version}", "request": request}


def read(answer: Any, version: str, uid: str, *, mutating: bool) -> Answer:
    """The answer to the review of that uid. Raises BadAnswer."""
    response = answer.get("response") if isinstance(answer, dict) else None
    if not isinstance(response, dict):
        raise BadAnswer("webhook response was absent")
    if version == "v1":
        expected = (f"{GROUP}/v1", "AdmissionReview")
        got = (str(answer.get("apiVersion") or ""), str(answer.get("kind") or ""))
        if response.get("uid") != uid:
            raise BadAnswer(f'expected response.uid="{uid}", got "{response.get("uid") or ""}"')
        if got != expected:
            raise BadAnswer(f"expected webhook response of {_named(*expected)}, got {_named(*got)}")
    patch = _patch(response, version, mutating)
    result = response.get("status")
    if result is not None and not isinstance(result, dict):
        raise BadAnswer("response.status is no object")
    return Answer(
        response.get("allowed") is True,
        patch,
        _texts(response.get("warnings")),
        _annotations(response.get("auditAnnotations")),
        result or {},
    )


def _named(api_version: str, kind: str) -> str:
    return f"{api_version if '/' in api_version else f'/{api_version}'}, Kind={kind}"


def _patch(response: dict[str, Any], version: str, mutating: bool) -> list[Any] | None:
    text, type_ = response.get("patch"), response.get("patchType")
    if not mutating:
        if text and version == "v1":
            raise BadAnswer("validating webhook may not return response.patch")
        if type_ is not None and version == "v1":
            raise BadAnswer("validating webhook may not return response.patchType")
        return None
    if version == "v1":
        if text and type_ is None:
            raise BadAnswer("webhook returned response.patch but not response.patchType")
        if not text and type_ is not None:
            raise BadAnswer("webhook returned response.patchType but not response.patch")
    if type_ is not None and type_ != "JSONPatch":
        raise BadAnswer(f'invalid response.patchType "{type_}", expected "JSONPatch"')
    if not text:
        return None
    try:
        found = msgspec.json.decode(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise BadAnswer(f"response.patch cannot be read: {error}") from None
    if not isinstance(found, list):
        raise BadAnswer("response.patch is no list of operations")
    return found


def _texts(found: Any) -> list[str]:
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _annotations(found: Any) -> dict[str, str]:
    if not isinstance(found, dict):
        return {}
    return {key: value[:MAX_ANNOTATION] for key, value in found.items() if isinstance(value, str)}


def refusal(name: str, result: dict[str, Any]) -> StatusError:
    """The error of a request that a webhook denied; never a success, whatever the webhook says."""
    found = result.get("code")
    code = found if isinstance(found, int) and 400 <= found <= 599 else 400
    denied = f'admission webhook "{name}" denied the request'
    message, reason = str(result.get("message") or ""), str(result.get("reason") or "")
    if message or reason:
        text = f"{denied}: {message or reason}"
    else:
        text = f"{denied} without explanation"
    details = result.get("details")
    return StatusError(code, reason, text, details if isinstance(details, dict) else None)


def no_dry_run(name: str) -> StatusError:
    """The error of a dry run that a webhook cannot take part in."""
    return StatusError(400, "BadRequest", f'admission webhook "{name}" does not support dry run')
