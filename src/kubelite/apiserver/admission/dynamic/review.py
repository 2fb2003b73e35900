"""The request of an AdmissionReview, which is also the variable `request` of expressions.

What: `request_of(seen, kind)`: plain values without the objects. Why: webhooks and policies are told the same. Flow: names and
options of a `Seen` → the fields of admission.k8s.io/v1 AdmissionRequest; empty ones are left out as upstream's encoder does.
Source: apiserver/pkg/admission/plugin/webhook/request/admissionreview.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.apiserver.admission.dynamic.seen import Seen
from kubelite.apiserver.request import UserInfo
from kubelite.machinery import codec
from kubelite.machinery.kind import Kind

_OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


def _kind(parts: tuple[str, str, str]) -> dict[str, str]:
    return {"group": parts[0], "version": parts[1], "kind": parts[2]}


def _resource(kind: Kind) -> dict[str, str]:
    return {"group": kind.group, "version": kind.version, "resource": kind.plural}


def user_of(user: UserInfo | None) -> dict[str, Any]:
    """authentication.k8s.io/v1 UserInfo; empty fields are left out."""
    if user is None:
        return {}
    found: dict[str, Any] = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
    found["extra"] = {key: list(values) for key, values in user.extra.items()}
    return {key: value for key, value in found.items() if value}


def request_of(seen: Seen, kind: Kind) -> dict[str, Any]:
    """The fields of the request, shown in the version `kind`."""
    out: dict[str, Any] = {
        "kind": _kind(seen.object_kind(kind)),
        "resource": _resource(kind),
        "subResource": seen.subresource,
        "requestKind": _kind(seen.object_kind(seen.kind)),
        "requestResource": _resource(seen.kind),
        "requestSubResource": seen.subresource,
        "name": seen.name,
        "namespace": seen.namespace,
        "operation": seen.operation,
        "userInfo": user_of(seen.request.user),
    }
    out = {key: value for key, value in out.items() if value != ""}
    out["dryRun"] = seen.request.dry_run
    options = options_of(seen)
    if options is not None:
        out["options"] = options
    return out


def options_of(seen: Seen) -> dict[str, Any] | None:
    """The options of the verb; None for connections, which have none."""
    name = _OPTIONS.get(seen.operation)
    if name is None:
        return None
    request = seen.request
    found: dict[str, Any] = {}
    if seen.operation == "DELETE" and request.options is not None:
        found = codec.to_generic(request.options)
    ask = request.ask
    if request.dry_run:
        found["dryRun"] = ["All"]
    if ask is not None and seen.operation != "DELETE":
        if ask.field_manager:
            found["fieldManager"] = ask.field_manager
        if ask.field_validation != "Warn":
            found["fieldValidation"] = ask.field_validation
    return {**found, "kind": name, "apiVersion": "meta.k8s.io/v1"}
