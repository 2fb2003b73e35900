"""The termination message of a container that ended.

Upstream: pkg/kubelet/kuberuntime/kuberuntime_container.go:getTerminationMessage. At most 4096 bytes of the file that the
container wrote; with FallbackToLogsOnError, the last 2048 bytes or 80 lines of its log when it failed and wrote nothing.
"""

from __future__ import annotations

import os
from typing import Any

from kubelite.kubelet.runtime import names

MAX_MESSAGE = 4096
MAX_LOG_BYTES = 2048
MAX_LOG_LINES = 80


def message(status: Any) -> str:
    """The text for `state.terminated.message` from a CRI `ContainerStatus`; reads files, call it in a thread."""
    runtime_message = str(status.message)
    path = status.annotations.get(names.TERMINATION_PATH, "")
    text = _read_end(next((m.host_path for m in status.mounts if m.container_path == path), ""), MAX_MESSAGE)
    fallback = status.annotations.get(names.TERMINATION_POLICY, "") == "FallbackToLogsOnError"
    if fallback and status.exit_code != 0 and not text:
        text = _log_end(status.log_path)
    if runtime_message and text:
        return f"{runtime_message}: {text}"
    return text or runtime_message


def _read_end(path: str, limit: int) -> str:
    """The first `limit` bytes of a file, "" when it cannot be read."""
    if not path:
        return ""
    try:
        with open(path, "rb") as file:
            return file.read(limit).decode(errors="replace")
    except OSError:
        return ""


def _log_end(path: str) -> str:
    """The last lines of a CRI log, without their time stamps."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - 16 * MAX_LOG_BYTES))
            lines = file.read().split(b"\n")
    except OSError:
        return ""
    text = b""
    for line in lines[-MAX_LOG_LINES - 1 :]:
        parts = line.split(b" ", 3)
        if len(parts) == 4:
            text += parts[3] if parts[2].startswith(b"P") else parts[3] + b"\n"
    return text[-MAX_LOG_BYTES:].decode(errors="replace")
