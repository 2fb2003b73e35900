"""The pods of this node: those the API binds here, and for each the worker that looks after it.

What: `PodTable` joins the informer's pods with their newest status; it is what probes, HTTP and volumes ask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubelite.api.types.core_v1 import Pod, PodStatus


class PodTable:
    """Pods by uid; a name may for a moment stand for two uids, the newer one wins a lookup by name."""

    def __init__(self) -> None:
        self._pods: dict[str, Pod] = {}
        self._status: Callable[[str], PodStatus | None] = lambda uid: None

    def read_status_from(self, source: Callable[[str], PodStatus | None]) -> None:
        self._status = source

    def put(self, pod: Pod) -> None:
        self._pods[pod.metadata.uid] = pod

    def remove(self, uid: str) -> None:
        self._pods.pop(uid, None)

    def list(self) -> Sequence[Pod]:
        return list(self._pods.values())

    def get(self, uid: str) -> Pod | None:
        return self._pods.get(uid)

    def find(self, namespace: str, name: str) -> Pod | None:
        found = None
        for pod in self._pods.values():
            if pod.metadata.name == name and pod.metadata.namespace == namespace:
                found = pod
        return found

    def status(self, uid: str) -> PodStatus | None:
        return self._status(uid)
