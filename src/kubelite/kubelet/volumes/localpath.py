"""The directories that were provisioned for claims on this node.

What: `make`, `remove`. Why: whoever mounts one first finds it there, for every user; whoever deletes the volume gets the space
back. Only direct subdirectories of the configured one with names of the agreed form are ever removed, and no symbolic link is
followed.
"""

from __future__ import annotations

import os
import shutil

from kubelite.api.logic.localpath import PROVISIONED_BY, PROVISIONER, is_folder_name
from kubelite.api.types.core_v1 import PersistentVolume
from kubelite.kubelet.volumes import mountpoints

GONE = ".deleted"


def is_local_path(volume: PersistentVolume) -> bool:
    """Whether the volume is a provisioned directory."""
    return volume.spec.hostPath is not None and volume.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER


def make(path: str) -> str:
    """The directory, made for all users where it is missing. Raises OSError; ValueError for another form of name."""
    if not is_folder_name(os.path.basename(path)):
        raise ValueError(f"{path} is not a provisioned directory")
    if not os.path.isdir(path):
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        os.mkdir(path)
        os.chmod(path, 0o777)
    return path


def remove(directory: str, name: str) -> bool:
    """Delete a directory with all it holds; whether there was one. Raises ValueError and OSError."""
    if not is_folder_name(name):
        raise ValueError(f'"{name}" is not the name of a provisioned directory')
    path, aside = os.path.join(directory, name), os.path.join(directory, GONE)
    if os.path.islink(path):
        raise ValueError(f'"{name}" is a symbolic link')
    found = os.path.isdir(path)
    if found:
        if mountpoints.below(path):
            raise ValueError(f'something is mounted in "{name}"')
        # Out of sight at once, so that an interrupted deletion is no half volume; the next one takes what is left along.
        os.makedirs(aside, 0o700, exist_ok=True)
        os.rename(path, os.path.join(aside, str(os.stat(path).st_ino)))
    for left in os.listdir(aside) if os.path.isdir(aside) else ():
        shutil.rmtree(os.path.join(aside, left), onerror=_unless_gone)
    return found


def _unless_gone(function: object, path: str, reason: tuple[type[BaseException], BaseException, object]) -> None:
    """Another request may be deleting the same."""
    if not isinstance(reason[1], FileNotFoundError):
        raise reason[1]
