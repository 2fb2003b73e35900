"""Objects for the tests of kinds, written as on the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from kubelite.api.core.pod.kind import POD
from kubelite.api.types import apps_v1, core_v1
from kubelite.machinery.kind import Kind

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def decoded(kind: Kind, wire: dict[str, Any]) -> Any:
    """The typed object, with its kind's defaults."""
    obj = msgspec.convert(wire, kind.type)
    kind.set_defaults(obj)
    return obj


def encoded(obj: Any) -> Any:
    """What the API server would serve."""
    return msgspec.json.decode(msgspec.json.encode(obj))


def pod_spec(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A spec of one container `c`, changed as told."""
    return {"containers": [{"name": "c", "image": "web:1", **(container or {})}], **spec}


def pod_wire(
    container: dict[str, Any] | None = None, *, metadata: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "namespace": "default", **(metadata or {})},
        "spec": pod_spec(container, **spec),
    }


def raw_pod(wire: dict[str, Any]) -> core_v1.Pod:
    """A Pod without defaults."""
    return msgspec.convert(wire, core_v1.Pod)


def replica_set_wire(**spec: Any) -> dict[str, Any]:
    """A valid ReplicaSet or Deployment, changed as told."""
    return {
        "metadata": {"name": "r", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "template": {"metadata": {"labels": {"app": "a"}}, "spec": pod_spec()},
            **spec,
        },
    }


def texts(errors: list[Any]) -> list[str]:
    return [str(error) for error in errors]


__all__ = ["NOW", "apps_v1", "decoded", "encoded", "pod_spec", "pod_wire", "raw_pod", "replica_set_wire", "texts"]


LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
"""What is wrong with a name that is no DNS label."""


def mistakes_of_pod(wire: dict[str, Any]) -> list[str]:
    """Every line that a pod is refused with."""
    return texts(POD.validate(decoded(POD, wire)))
