"""What conformance tests of jobs share: a job, its end, and the indexes of pods."""

from __future__ import annotations

from typing import Any

from tests.conformance.lab import BATCH, PODS, Lab, condition

JOBS = f"{BATCH}/jobs"
NAME = "job-controller"
INDEX = "batch.kubernetes.io/job-completion-index"


def job(called: str, *, indexed: bool = False, **spec: Any) -> dict[str, Any]:
    """A job whose pods are never restarted."""
    containers = [{"name": "httpd", "image": "busybox", "command": ["sh", "-c", "exit"]}]
    mode = {"completionMode": "Indexed"} if indexed else {}
    template = {"spec": {"restartPolicy": "Never", "containers": containers}}
    return {"metadata": {"name": called}, "spec": {"template": template, **mode, **spec}}


def index_of(pod: Any) -> int:
    return int(pod["metadata"]["annotations"][INDEX])


async def ended_with(it: Lab, called: str, type_: str) -> Any:
    """The job as soon as it has this condition; by then no pod waits to be counted."""
    done = await it.until(f"{JOBS}/{called}", lambda one: condition(one, type_))
    left = [pod for pod in await it.items(PODS) if pod["metadata"].get("finalizers")]
    assert left == [] and not any(done["status"].get("uncountedTerminatedPods", {}).values())
    return done


async def run(it: Lab, body: Any, type_: str) -> Any:
    """Makes the job and waits for its end."""
    await it.post(JOBS, body)
    return await ended_with(it, body["metadata"]["name"], type_)
