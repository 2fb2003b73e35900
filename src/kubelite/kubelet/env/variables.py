"""The variables of one container from its spec and the objects it names. Pure.

What: `Sources` (what is known), `references` (what must be fetched) and `build`. Why: deciding is apart from fetching.
Flow: container → references → fetched objects → variables. Source: pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kubelite.api.types.core_v1 import EnvVarSource, Pod
from kubelite.kubelet.env.downward import field_value, resource_value
from kubelite.kubelet.expansion import expand
from kubelite.kubelet.interfaces import AnyContainer

Reference: TypeAlias = tuple[Literal["configmap", "secret"], str]
"""Kind and name of an object in the pod's namespace."""


class MissingReference(ValueError):
    """A container cannot be configured; the text is the user's."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What variables may be made of. `objects` holds None for what does not exist; secrets are already decoded."""

    services: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[Reference, Mapping[str, str] | None] = field(default_factory=dict)
    pod_ips: Sequence[str] = ()
    host_ips: Sequence[str] = ()
    allocatable: Mapping[str, str | int | float] = field(default_factory=dict)


def references(container: AnyContainer) -> Iterator[Reference]:
    """The objects whose content `build` needs."""
    for source in container.envFrom:
        if source.configMapRef:
            yield "configmap", source.configMapRef.name
        if source.secretRef:
            yield "secret", source.secretRef.name
    for variable in container.env:
        origin = variable.valueFrom
        if origin and origin.configMapKeyRef:
            yield "configmap", origin.configMapKeyRef.name
        if origin and origin.secretKeyRef:
            yield "secret", origin.secretKeyRef.name


def decoded(data: Mapping[str, str]) -> dict[str, str]:
    """The data of a secret as text. A variable is UTF-8 text: other bytes are replaced."""
    return {key: base64.b64decode(value).decode("utf-8", "replace") for key, value in data.items()}


def is_name(name: str) -> bool:
    """A name that an environment can hold: printable ASCII without `=`."""
    return bool(name) and all(" " <= char <= "~" and char != "=" for char in name)


def build(pod: Pod, container: AnyContainer, sources: Sources) -> tuple[dict[str, str], list[str]]:
    """The variables in order, and complaints about names that were left out. Raises MissingReference."""
    own, complaints = _from_sources(pod, container, sources)
    services = dict(sources.services)
    for variable in container.env:
        if variable.value:
            value: str | None = expand(variable.value, {**services, **own})
        elif variable.valueFrom:
            value = _referred(pod, container, variable.name, variable.valueFrom, sources)
        else:
            value = ""
        if value is not None:
            services.pop(variable.name, None)
            own[variable.name] = value
    return {**{name: value for name, value in services.items() if name not in own}, **own}, complaints


def _from_sources(pod: Pod, container: AnyContainer, sources: Sources) -> tuple[dict[str, str], list[str]]:
    own: dict[str, str] = {}
    complaints: list[str] = []
    for source in container.envFrom:
        for kind, label, reference in (
            ("configmap", "configMap", source.configMapRef),
            ("secret", "secret", source.secretRef),
        ):
            if reference is None:
                continue
            data = _content(sources, kind, reference.name, bool(reference.optional))
            invalid = [name for key in sorted(data or {}) if not is_name(name := source.prefix + key)]
            own.update({name: value for key, value in (data or {}).items() if is_name(name := source.prefix + key)})
            if invalid:
                where = f"{label} {pod.metadata.namespace}/{reference.name}"
                complaints.append(
                    f"Keys [{', '.join(invalid)}] from the EnvFrom {where} were skipped "
                    "since they are considered invalid environment variable names."
                )
    return own, complaints


def _content(sources: Sources, kind: str, name: str, optional: bool) -> Mapping[str, str] | None:
    """The data of an object; None where it is absent and optional."""
    data = next((value for key, value in sources.objects.items() if key == (kind, name)), None)
    if data is None and not optional:
        raise MissingReference(f'{kind} "{name}" not found')
    return data


def _referred(pod: Pod, container: AnyContainer, name: str, origin: EnvVarSource, sources: Sources) -> str | None:
    """The value of a valueFrom; None where an optional one is absent."""
    try:
        if origin.fieldRef:
            path = origin.fieldRef.fieldPath
            return field_value(pod, path, pod_ips=sources.pod_ips, host_ips=sources.host_ips)
        if origin.resourceFieldRef:
            return resource_value(pod, origin.resourceFieldRef, container, sources.allocatable)
    except ValueError as error:
        raise MissingReference(str(error)) from error
    for kind, label, key in (
        ("configmap", "ConfigMap", origin.configMapKeyRef),
        ("secret", "Secret", origin.secretKeyRef),
    ):
        if key is None:
            continue
        data = _content(sources, kind, key.name, bool(key.optional))
        if data is not None and key.key in data:
            return data[key.key]
        if key.optional:
            return None
        raise MissingReference(f"couldn't find key {key.key} in {label} {pod.metadata.namespace}/{key.name}")
    if origin.fileKeyRef:
        raise MissingReference(f"environment variable {name}: fileKeyRef is not supported by this kubelet")
    return ""
