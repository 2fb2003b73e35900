"""Admission of connections: exec, attach, portforward and proxy are operations that policies and webhooks may refuse.

What: `admit(registry, request, options)`. Why: who may write pods is not always who may enter them. Flow: the handlers call
it before they reach for a node; admission sees operation CONNECT and the options of the connection as an object. Source:
apiserver/pkg/endpoints/handlers/rest.go (ConnectResource).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubelite.apiserver.request import AdmissionRequest, Request
from kubelite.machinery import errors

FALSE = ("false", "0")
_FLAGS = ("stdin", "stdout", "stderr", "tty")
_ON = ("stdout", "stderr")


def stream_options(kind: str, query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """PodExecOptions or PodAttachOptions of a request's query."""
    found: dict[str, Any] = {"kind": kind, "apiVersion": "v1"}
    for name in _FLAGS:
        values = query.get(name)
        if (values[0].lower() not in FALSE) if values else name in _ON:
            found[name] = True
    if query.get("container"):
        found["container"] = query["container"][0]
    if query.get("command"):
        found["command"] = list(query["command"])
    return found


async def admit(registry: Any, request: Request, options: dict[str, Any]) -> None:
    """Raises StatusError for a connection that admission refuses."""
    info = request.info
    kind = registry.scheme.by_resource(info.group, info.version, info.resource)
    if kind is None:
        raise errors.path_not_found()
    attributes = AdmissionRequest(
        "CONNECT",
        kind,
        info.namespace if kind.namespaced else "",
        info.name,
        object=options,
        subresource=info.subresource,
        user=request.user,
        warnings=request.warnings,
        annotations=request.annotations,
    )
    await registry.admission.mutate(attributes)
    await registry.admission.validate(attributes)
