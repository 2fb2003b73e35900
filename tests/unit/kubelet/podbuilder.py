"""Pods and what runs of them, for the kubelet's unit tests."""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.observed import ObservedContainer, ObservedPod, ObservedSandbox
from kubelite.kubelet.podspec import container_hash, find_container

SANDBOX = ObservedSandbox(id="sb", attempt=0, ready=True, created_at=1, ips=("10.0.0.5",))


def make_pod(containers: list[dict[str, Any]] | None = None, meta: dict[str, Any] | None = None, **spec: Any) -> Pod:
    """A pod of one container `web` unless told otherwise."""
    body = {
        "metadata": {"name": "pod", "namespace": "ns", "uid": "u1", "generation": 1, **(meta or {})},
        "spec": {"restartPolicy": "Always", "containers": containers or [{"name": "web", "image": "img"}], **spec},
    }
    return msgspec.convert(body, Pod)


def container(pod: Pod, name: str, state: str = "running", **more: Any) -> ObservedContainer:
    found = find_container(pod, name)
    fields: dict[str, Any] = {
        "id": f"{name}-{more.get('attempt', 0)}",
        "sandbox_id": "sb",
        "name": name,
        "attempt": 0,
        "state": state,
        "created_at": 10,
        "started_at": 11_000_000_000,
        "finished_at": 20_000_000_000 if state == "exited" else 0,
        "hash": container_hash(found[1]) if found else "",
    }
    return ObservedContainer(**{**fields, **more})


def observed(*containers: ObservedContainer, sandboxes: tuple[ObservedSandbox, ...] = (SANDBOX,)) -> ObservedPod:
    ordered = sorted(containers, key=lambda c: (c.created_at, c.attempt), reverse=True)
    return ObservedPod(uid="u1", namespace="ns", name="pod", sandboxes=sandboxes, containers=tuple(ordered))
