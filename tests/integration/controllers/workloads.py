"""What tests of workloads share: paths, templates, and what a node would report."""

from __future__ import annotations

from typing import Any

from tests.integration.controllers.manager import World

APPS = "/apis/apps/v1/namespaces/default"
BATCH = "/apis/batch/v1/namespaces/default"
CORE = "/api/v1/namespaces/default"


def template(image: str = "one", label: str = "web", **spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "c", "image": image}], **spec}
    return {"metadata": {"labels": {"app": label}}, "spec": pod}


def image_patch(image: str) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}


async def finish(world: World, pod: str, phase: str, exit_code: int = 0, **status: Any) -> None:
    """A pod ends, as its node reports it."""
    ended = {"exitCode": exit_code, "finishedAt": "2026-01-01T00:00:00Z"}
    container = {
        "name": "c",
        "image": "i",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": ended},
    }
    body = {"status": {"phase": phase, "containerStatuses": [container], **status}}
    reply = await world.api.patch(f"{CORE}/pods/{pod}/status", body)
    assert reply.status == 200, reply.body


async def gone(world: World, pod: str) -> None:
    """A pod's deletion comes to its end."""
    await world.api.delete(f"{CORE}/pods/{pod}", {"gracePeriodSeconds": 0})


def names(pods: list[Any]) -> list[str]:
    return sorted(pod["metadata"]["name"] for pod in pods)


def images(pods: list[Any]) -> list[str]:
    ordered = sorted(pods, key=lambda pod: pod["metadata"]["name"])
    return [pod["spec"]["containers"][0]["image"] for pod in ordered]
