"""Says on a pod why the cluster takes it away: the DisruptionTarget condition, and takes it back.

Why: the owner of a pod (a Job, for one) must be able to tell a disruption from a failure of the pod itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api.logic import podstatus
from kubelite.client.client import Client
from kubelite.controllers.kinds import POD
from kubelite.controllers.objects import Pod
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError


async def mark_disrupted(
    client: Client, pod: Pod, reason: str, message: str, now: datetime, *, fail: bool = False
) -> None:
    """Set the condition, and with `fail` also the phase Failed of a pod that has not finished; a pod that is gone is fine."""
    condition = {
        "type": podstatus.DISRUPTION_TARGET,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": times.now_text(now),
        "observedGeneration": pod.metadata.generation,
    }
    status: dict[str, Any] = {"conditions": [condition]}
    if fail and not podstatus.is_terminal(pod):
        status["phase"] = podstatus.FAILED
    await _patch_status(client, pod, status)


async def take_back(client: Client, pod: Pod, now: datetime) -> None:
    """Say that the pod is not taken away after all; a pod that is gone is fine."""
    condition = {
        "type": podstatus.DISRUPTION_TARGET,
        "status": "False",
        "reason": None,
        "message": None,
        "lastTransitionTime": times.now_text(now),
        "observedGeneration": pod.metadata.generation,
    }
    await _patch_status(client, pod, {"conditions": [condition]})


async def mark_failed(client: Client, pod: Pod) -> None:
    """Set the phase Failed of a pod that has not finished; a pod that is gone is fine."""
    if not podstatus.is_terminal(pod):
        await _patch_status(client, pod, {"phase": podstatus.FAILED})


async def _patch_status(client: Client, pod: Pod, status: dict[str, Any]) -> None:
    """A conflict is an error: who deletes the pod without having said so leaves it as it was for ever, if finalizers hold it."""
    meta = pod.metadata
    patch = {"metadata": {"uid": meta.uid}, "status": status}
    try:
        await client.patch(
            POD, meta.name, patch, meta.namespace, patch_type="strategic", subresource="status", type=Pod
        )
    except StatusError as error:
        if error.code != 404:
            raise
