"""A directory whose files change all at once: content behind a `..data` link that is swapped by a rename.

What: `write` a payload, `read_back` what is there. Why: a program must never see half of an updated config map. Flow: payload →
a new time-stamped directory → rename of the link → removal of the old directory. Nothing is written when nothing changed.
Source: pkg/volume/util/atomic_writer.go.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

DATA: Final = "..data"
NEW_DATA: Final = "..data_tmp"
MAX_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class File:
    """One file of a payload: content, permission bits, and the user who owns it where that is not root."""

    data: bytes
    mode: int = 0o644
    uid: int | None = None


def check_path(path: str) -> None:
    """Raises ValueError for a path that is absolute, leaves the volume, or hides in the writer's own names."""
    parts = path.split("/")
    if not path:
        raise ValueError("invalid path: must not be empty")
    if path.startswith("/"):
        raise ValueError("invalid path: must be relative path")
    if ".." in parts:
        raise ValueError("invalid path: must not contain '..'")
    if parts[0].startswith(".."):
        raise ValueError("invalid path: must not start with '..'")
    if any(len(part) > MAX_NAME for part in parts):
        raise ValueError(f"invalid path: must be less than or equal to {MAX_NAME} characters")


def write(target: str, payload: Mapping[str, File], group: int | None = None) -> bool:
    """Make `target` show exactly `payload`; False when it did already. `group` (fsGroup) may read every file.

    Raises OSError, or ValueError for a bad path.
    """
    for path in payload:
        check_path(path)
    old = _link(os.path.join(target, DATA))
    if old is not None and _same(os.path.join(target, old), payload, group):
        _show(target, payload)
        return False
    name = _new_directory(target)
    try:
        _fill(os.path.join(target, name), payload, group)
        _swap(target, name)
    except BaseException:
        shutil.rmtree(os.path.join(target, name), ignore_errors=True)
        raise
    _show(target, payload)
    _sweep(target, name)
    return True


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _new_directory(target: str) -> str:
    now = datetime.now(UTC)
    # The time tells an administrator which version is shown; the rest makes the name unique.
    name = f"..{now:%Y_%m_%d_%H_%M_%S}.{now.microsecond:06d}{os.getpid() % 1000:03d}"
    path = os.path.join(target, name)
    os.mkdir(path)
    os.chmod(path, 0o755)
    return name


def _fill(root: str, payload: Mapping[str, File], group: int | None) -> None:
    if group is not None:
        _give(root, group, directory=True)
    for path, file in payload.items():
        _directories(root, path, group)
        full = os.path.join(root, path)
        with open(full, "wb") as out:
            out.write(file.data)
        os.chown(full, -1 if file.uid is None else file.uid, -1 if group is None else group)
        os.chmod(full, _mode(file, group))


def _mode(file: File, group: int | None) -> int:
    return file.mode | 0o440 if group is not None else file.mode


def _directories(root: str, path: str, group: int | None) -> None:
    at = root
    for part in path.split("/")[:-1]:
        at = os.path.join(at, part)
        if not os.path.isdir(at):
            os.mkdir(at)
            os.chmod(at, 0o755)
            if group is not None:
                _give(at, group, directory=True)


def _give(path: str, group: int, *, directory: bool) -> None:
    os.chown(path, -1, group)
    os.chmod(path, os.stat(path).st_mode & 0o7777 | (0o2550 if directory else 0o440))


def _same(root: str, payload: Mapping[str, File], group: int | None) -> bool:
    shown = set()
    for directory, _, names in os.walk(root):
        shown |= {os.path.relpath(os.path.join(directory, name), root) for name in names}
    return shown == {os.path.normpath(path) for path in payload} and all(
        _matches(os.path.join(root, path), file, group) for path, file in payload.items()
    )


def _matches(path: str, file: File, group: int | None) -> bool:
    try:
        info = os.stat(path)
        if info.st_size != len(file.data) or info.st_mode & 0o7777 != _mode(file, group):
            return False
        with open(path, "rb") as shown:
            return shown.read() == file.data
    except OSError:
        return False


def _swap(target: str, name: str) -> None:
    new = os.path.join(target, NEW_DATA)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    os.symlink(name, new)
    os.rename(new, os.path.join(target, DATA))


def _show(target: str, payload: Mapping[str, File]) -> None:
    """The links that users see, one for each first path element; those of vanished files go."""
    wanted = {path.split("/", 1)[0] for path in payload}
    for name in wanted:
        link = os.path.join(target, name)
        if _link(link) is None:
            os.symlink(os.path.join(DATA, name), link)
    for name in os.listdir(target):
        if name not in wanted and not name.startswith(".."):
            os.unlink(os.path.join(target, name))


def _sweep(target: str, keep: str) -> None:
    for name in os.listdir(target):
        if name.startswith("..") and name not in (DATA, NEW_DATA, keep):
            shutil.rmtree(os.path.join(target, name), ignore_errors=True)
