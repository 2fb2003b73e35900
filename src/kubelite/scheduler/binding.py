"""Telling the API server: bindings, and why a pod could not be placed.

What: `Binder.bind` posts a Binding, `Binder.report` writes the PodScheduled condition and the FailedScheduling event.
Why: the decision loop never waits for the network; up to 64 bindings are under way at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from kubelite.api.core.pod.kind import POD
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.client.recorder import Recorder
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError
from kubelite.scheduler.framework import Diagnosis
from kubelite.scheduler.pods import PodInfo
from kubelite.util.clock import Clock
from kubelite.util.log import get_logger

log = get_logger(__name__)


class Binder:
    """The scheduler's writes."""

    def __init__(self, client: Client, recorder: Recorder, clock: Clock, failed: Callable[[PodInfo], None]) -> None:
        """`failed(pod)` is called when a binding did not succeed and the pod has to be placed again."""
        self.client, self.recorder, self.clock, self.failed = client, recorder, clock, failed

    async def bind(self, info: PodInfo, node: str) -> None:
        meta = info.pod.metadata
        body = msgspec.json.encode(
            {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid},
                "target": {"apiVersion": "v1", "kind": "Node", "name": node},
            }
        )
        headers = {"Content-Type": "application/json"}
        path = POD.path(meta.namespace, meta.name, "binding")
        try:
            await self.client.request("POST", path, body=body, headers=headers)
        except StatusError as error:
            # 404: the pod was deleted meanwhile; 409: it was bound or replaced. The watch tells the rest.
            if error.code not in (404, 409):
                log.warning("Binding was refused", pod=info.key, node=node, error=error)
            self.failed(info)
            return
        except (ConnectionFailed, OSError, TimeoutError) as error:
            log.warning("Binding could not be sent", pod=info.key, node=node, error=error)
            self.failed(info)
            return
        message = f"Successfully assigned {info.key} to {node}"
        self.recorder.event(POD, info.pod, "Normal", "Scheduled", message, "Binding")

    async def report(self, info: PodInfo, diagnosis: Diagnosis) -> None:
        """An event for people, a condition for programs; the condition only if it says something new."""
        message = diagnosis.message()
        self.recorder.event(POD, info.pod, "Warning", "FailedScheduling", message, "Scheduling")
        present = next((c for c in info.pod.status.conditions if c.type == "PodScheduled"), None)
        if present is not None and (present.status, present.reason, present.message) == (
            "False",
            "Unschedulable",
            message,
        ):
            return
        condition: dict[str, Any] = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": times.now_text(self.clock.now()),
        }
        meta = info.pod.metadata
        if meta.generation is not None:
            condition["observedGeneration"] = meta.generation
        patch = {"metadata": {"uid": meta.uid}, "status": {"conditions": [condition]}}
        try:
            await self.client.patch(POD, meta.name, patch, meta.namespace, patch_type="strategic", subresource="status")
        except (StatusError, ConnectionFailed, OSError, TimeoutError) as error:
            log.debug("Could not write the pod's condition", pod=info.key, error=error)
