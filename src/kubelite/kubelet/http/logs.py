"""What a log request asks for, and which container it means. Pure.

What: `Options.parse`, `choose`. Why: both have many texts that users know by heart. Flow: query and pod status → options and
container id. Source: pkg/kubelet/kubelet_pods.go (validateContainerLogStatus), pkg/kubelet/server (getContainerLogs).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubelite.kubelet.http.http1 import HttpError, Request
from kubelite.machinery import times

TRUE = frozenset({"true", "1", "t", "T", "TRUE", "True", ""})
IMAGE_PROBLEMS = {
    "ErrImagePull": "image can't be pulled",
    "ErrImageNeverPull": "image is not present and is never pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


@dataclass(frozen=True, slots=True)
class Options:
    """`since` in the form of log files (RFC 3339 with nanoseconds, UTC); -1: no limit."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int = -1
    limit: int = -1
    since: str = ""
    stream: str = ""

    @classmethod
    def parse(cls, request: Request, now: datetime) -> Options:
        """Raises HttpError 422 for values that cannot be."""
        stream = request.first("stream")
        if stream not in ("", "All", "Stdout", "Stderr"):
            raise HttpError(422, f'stream: Unsupported value: "{stream}": supported values: "All", "Stderr", "Stdout"')
        tail = _number(request, "tailLines", 0)
        if stream in ("Stdout", "Stderr") and tail >= 0:
            text = "tailLines: Forbidden: `tailLines` and specific `stream` are mutually exclusive for now"
            raise HttpError(422, text)
        return cls(
            follow=_flag(request, "follow"),
            previous=_flag(request, "previous"),
            timestamps=_flag(request, "timestamps"),
            tail=tail,
            limit=_number(request, "limitBytes", 1),
            since=_since(request, now),
            stream={"Stdout": "stdout", "Stderr": "stderr"}.get(stream, ""),
        )


def _flag(request: Request, name: str) -> bool:
    return bool(request.query.get(name)) and request.first(name) in TRUE


def _number(request: Request, name: str, least: int) -> int:
    text = request.first(name)
    if not text:
        return -1
    try:
        number = int(text)
    except ValueError:
        raise HttpError(422, f'{name}: Invalid value: "{text}": must be an integer') from None
    if number < least:
        than = "greater than 0" if least else "greater than or equal to 0"
        raise HttpError(422, f"{name}: Invalid value: {number}: must be {than}")
    return number


def _since(request: Request, now: datetime) -> str:
    seconds = _number(request, "sinceSeconds", 1)
    text = request.first("sinceTime")
    if seconds >= 0 and text:
        raise HttpError(422, "at most one of `sinceTime` or `sinceSeconds` may be specified")
    if seconds >= 0:
        moment = datetime.fromtimestamp(now.timestamp() - seconds, UTC)
    elif text:
        try:
            moment = times.parse(text).astimezone(UTC)
        except ValueError:
            raise HttpError(422, f'sinceTime: Invalid value: "{text}": must be an RFC 3339 time') from None
    else:
        return ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}000Z"


def choose(pod_name: str, statuses: Iterable[Any], container: str, previous: bool) -> str:
    """The bare id of the container whose log is meant. Raises HttpError 400 with upstream's text."""
    status = next((one for one in statuses if one.name == container), None)
    where = f'container "{container}" in pod "{pod_name}"'
    if status is None:
        raise HttpError(400, f"{where} is not available")
    last = status.lastState.terminated if status.lastState else None
    state = status.state
    running = state.running if state else None
    terminated = state.terminated if state else None
    waiting = state.waiting if state else None
    if previous:
        if last is None or not last.containerID:
            raise HttpError(400, f'previous terminated container "{container}" in pod "{pod_name}" not found')
        chosen = last.containerID
    elif running is not None:
        chosen = status.containerID
    elif terminated is not None:
        chosen = terminated.containerID or (last.containerID if last else "")
        if not chosen:
            raise HttpError(400, f"{where} is terminated")
    elif last is not None and last.containerID:
        chosen = last.containerID
    elif waiting is not None:
        reason = IMAGE_PROBLEMS.get(waiting.reason, waiting.reason)
        raise HttpError(400, f"{where} is waiting to start: {reason}")
    else:
        raise HttpError(400, f"{where} is waiting to start - no logs yet")
    return str(chosen).rpartition("/")[2]
