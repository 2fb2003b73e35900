"""Gives a volume to the pod's group, as `fsGroup` asks.

What: `give`. Why: containers that run as another user write through the group. Rules: the group of everything becomes
`fsGroup`, it may read and write, and directories hand the group on; with OnRootMismatch nothing is walked when the root is
right already. Source: pkg/volume/volume_linux.go.
"""

from __future__ import annotations

import os
import stat

READ_WRITE = 0o660
DIRECTORY = stat.S_ISGID | 0o110


def give(root: str, group: int, policy: str | None = None) -> None:
    """Walks the whole volume; blocks, so it belongs into a thread. Raises OSError."""
    if policy == "OnRootMismatch" and _is_right(root, group):
        return
    for folder, folders, files in os.walk(root, topdown=False):
        for name in files + folders:
            _one(os.path.join(folder, name), group)
    # The root comes last: when it is right, everything below is.
    _one(root, group)


def _is_right(root: str, group: int) -> bool:
    info = os.stat(root)
    wanted = READ_WRITE | DIRECTORY
    return info.st_gid == group and info.st_mode & wanted == wanted


def _one(path: str, group: int) -> None:
    try:
        info = os.lstat(path)
        if stat.S_ISLNK(info.st_mode):
            os.lchown(path, -1, group)
            return
        mode = info.st_mode | READ_WRITE | (DIRECTORY if stat.S_ISDIR(info.st_mode) else 0)
        os.chown(path, -1, group, follow_symlinks=False)
        if mode != info.st_mode:
            os.chmod(path, stat.S_IMODE(mode))
    except FileNotFoundError:
        return
