"""Sub-paths of volumes, opened step by step so that no link inside the volume can lead out of it.

What: `prepare` binds the file or directory behind a sub-path to a place of the kubelet's own. Why: a container may swap a
directory for a link between a check and the mount; what was opened stays what it is. Flow: volume and sub-path → open file
→ bind mount below `volume-subpaths`. Source: pkg/volume/util/subpath/subpath_linux.go (doBindSubPath, safeOpenSubPath).
"""

from __future__ import annotations

import os
import stat

from kubelite.kubelet.volumes import mountpoints

FOLDER = "volume-subpaths"


def prepare(pod_dir: str, volume: str, container: str, index: int, source: str, sub_path: str) -> str:
    """The host path to mount for `sub_path` of the volume at `source`; missing directories are made.

    `index` is the place of the mount in the container. Raises ValueError for a path that leaves the volume, OSError.
    """
    if sub_path.startswith("/") or ".." in sub_path.split("/"):
        raise ValueError(f'subPath "{sub_path}" must be a relative path without ".."')
    root = os.path.realpath(source)
    # Links are allowed while they stay inside (a config map's files are links); the resolved path is opened without any.
    resolved = os.path.realpath(os.path.join(root, sub_path))
    if resolved != root and not resolved.startswith(root + os.sep):
        raise ValueError(f'failed to prepare subPath for volumeMount "{volume}" of container "{container}"')
    descriptor = _open(root, os.path.relpath(resolved, root))
    try:
        return _bind(os.path.join(pod_dir, FOLDER, volume, container, str(index)), descriptor)
    finally:
        os.close(descriptor)


def _open(root: str, relative: str) -> int:
    """A descriptor of the path below `root`, following no link; missing parts become directories."""
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY)
    if relative == ".":
        return descriptor
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    for part in relative.split(os.sep):
        try:
            following = _step(descriptor, part, mode)
        finally:
            os.close(descriptor)
        descriptor = following
    return descriptor


def _step(parent: int, name: str, mode: int) -> int:
    try:
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=parent)
    except FileNotFoundError:
        os.mkdir(name, mode, dir_fd=parent)
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=parent)
        os.chmod(f"/proc/self/fd/{descriptor}", mode)  # the umask must not take what the volume's root allows
    if stat.S_ISLNK(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError(f"subPath changed while it was opened: {name} is a link")
    return descriptor


def _bind(target: str, descriptor: int) -> str:
    if mountpoints.is_mounted(target):
        # A restarted container: the volume's content may have been replaced, so bind afresh.
        mountpoints.unmount(target)
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        if os.path.isfile(target):
            os.unlink(target)
        os.makedirs(target, 0o750, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), 0o750, exist_ok=True)
        if os.path.isdir(target):
            os.rmdir(target)
        with open(target, "ab"):
            pass
    mountpoints.bind(f"/proc/self/fd/{descriptor}", target)
    return target
