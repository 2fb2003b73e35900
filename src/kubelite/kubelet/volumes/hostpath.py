"""hostPath volumes: the check, and the making, that each type asks for.

What: `prepare`. Flow: path and type → the path, or OSError/ValueError with the user's text. Source: pkg/volume/hostpath.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from typing import Final

from kubelite.api.types.core_v1 import HostPathVolumeSource

_CHECKS: Final[Mapping[str, tuple[Callable[[int], bool], str]]] = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket file"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


def prepare(source: HostPathVolumeSource) -> str:
    """The path, checked by its type and made where the type says so. Raises ValueError or OSError."""
    path = source.path
    if not source.type:
        return path
    if source.type not in _CHECKS:
        raise ValueError(f"{source.type} is an invalid volume type")
    if source.type == "DirectoryOrCreate" and not os.path.exists(path):
        os.makedirs(path, 0o755, exist_ok=True)
    if source.type == "FileOrCreate" and not os.path.exists(path):
        with open(path, "ab"):
            os.chmod(path, 0o644)
    check, what = _CHECKS[source.type]
    try:
        mode = os.stat(path).st_mode
    except OSError:
        raise ValueError(f"hostPath type check failed: {path} is not {what}") from None
    if not check(mode):
        raise ValueError(f"hostPath type check failed: {path} is not {what}")
    return path
