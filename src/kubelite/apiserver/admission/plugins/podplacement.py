"""PodNodeSelector and PodTolerationRestriction: a namespace says on which nodes its pods may run.

Flow: annotations of the namespace → the pod's node selector and tolerations. Sources: plugin/pkg/admission/podnodeselector and
plugin/pkg/admission/podtolerationrestriction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from kubelite.api.types.core_v1 import Pod, Toleration
from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin, denied
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind

NODE_SELECTOR = "scheduler.alpha.kubernetes.io/node-selector"
DEFAULT_TOLERATIONS = "scheduler.alpha.kubernetes.io/defaultTolerations"
ALLOWED_TOLERATIONS = "scheduler.alpha.kubernetes.io/tolerationsWhitelist"
_MEMORY = "node.kubernetes.io/memory-pressure"
Annotations = Callable[[str], Mapping[str, str] | None]


def _selector(text: str) -> dict[str, str]:
    return {
        key.strip(): value.strip()
        for key, _, value in (pair.partition("=") for pair in text.split(",") if pair.strip())
    }


class PodNodeSelector(Plugin):
    """`configuration`: clusterDefaultNodeSelector and, by namespace, the labels that its pods may select."""

    name = "PodNodeSelector"
    default = False

    def __init__(self, annotations: Annotations, configuration: dict[str, Any] | None = None) -> None:
        self._annotations = annotations
        given = (configuration or {}).get("podNodeSelectorPluginConfig") or {}
        self._default = _selector(str(given.get("clusterDefaultNodeSelector") or ""))
        self._allowed = {
            name: _selector(str(text or "")) for name, text in given.items() if name != "clusterDefaultNodeSelector"
        }

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return operation == CREATE and kind.kind == "Pod" and not kind.group and not subresource

    def mutate(self, request: AdmissionRequest) -> None:
        pod: Pod = request.object
        wanted = self._of(request.namespace)
        self._check(request, wanted, pod.spec.nodeSelector)
        pod.spec.nodeSelector = wanted | pod.spec.nodeSelector

    def validate(self, request: AdmissionRequest) -> None:
        pod: Pod = request.object
        self._check(request, self._of(request.namespace), pod.spec.nodeSelector)
        allowed = self._allowed.get(request.namespace)
        if allowed is not None and not pod.spec.nodeSelector.items() <= allowed.items():
            raise denied(request, "pod node label selector labels conflict with its namespace whitelist")

    def _of(self, namespace: str) -> dict[str, str]:
        text = (self._annotations(namespace) or {}).get(NODE_SELECTOR)
        return self._default if text is None else _selector(text)

    def _check(self, request: AdmissionRequest, wanted: Mapping[str, str], present: Mapping[str, str]) -> None:
        if any(present.get(key, value) != value for key, value in wanted.items()):
            raise denied(request, "pod node label selector conflicts with its namespace node label selector")


class PodTolerationRestriction(Plugin):
    """`configuration`: `default` and `whitelist`, the tolerations of namespaces that say nothing."""

    name = "PodTolerationRestriction"
    default = False

    def __init__(self, annotations: Annotations, configuration: dict[str, Any] | None = None) -> None:
        self._annotations = annotations
        given = configuration or {}
        self._default = msgspec.convert(given.get("default") or [], list[Toleration])
        self._allowed = msgspec.convert(given.get("whitelist") or [], list[Toleration])

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return operation in (CREATE, UPDATE) and kind.kind == "Pod" and not kind.group and not subresource

    def mutate(self, request: AdmissionRequest) -> None:
        pod: Pod = request.object
        if request.operation == UPDATE and pod.spec.tolerations == request.old.spec.tolerations:
            return
        defaults = self._list(request, DEFAULT_TOLERATIONS, self._default)
        for one in defaults:
            same = [each for each in pod.spec.tolerations if (each.key, each.effect) == (one.key, one.effect)]
            if any(each != one for each in same):
                raise denied(request, "namespace tolerations and pod tolerations conflict")
        pod.spec.tolerations += [one for one in defaults if one not in pod.spec.tolerations]
        pressure = Toleration(key=_MEMORY, operator="Exists", effect="NoSchedule")
        if (
            request.operation == CREATE
            and pod.status.qosClass not in ("", "BestEffort")
            and pressure not in pod.spec.tolerations
        ):
            pod.spec.tolerations.append(pressure)

    def validate(self, request: AdmissionRequest) -> None:
        allowed = self._list(request, ALLOWED_TOLERATIONS, self._allowed)
        for one in request.object.spec.tolerations if allowed else ():
            if not any(_covers(each, one) for each in allowed):
                raise denied(
                    request,
                    "pod tolerations (possibly merged with namespace default tolerations) conflict with its"
                    " namespace whitelist",
                )

    def _list(self, request: AdmissionRequest, key: str, default: list[Toleration]) -> list[Toleration]:
        text = (self._annotations(request.namespace) or {}).get(key)
        if text is None:
            return default
        try:
            return msgspec.convert(json.loads(text) if text else [], list[Toleration])
        except (ValueError, msgspec.ValidationError) as error:
            raise denied(request, f"annotation {key} of the namespace cannot be read: {error}") from None


def _covers(allowed: Toleration, wanted: Toleration) -> bool:
    """Whether what is wanted is no more than what is allowed."""
    if allowed.key and allowed.key != wanted.key:
        return False
    if allowed.effect and allowed.effect != wanted.effect:
        return False
    return allowed.operator == "Exists" or (allowed.value == wanted.value and wanted.operator != "Exists")
