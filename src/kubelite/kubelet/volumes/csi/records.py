"""`vol_data.json`: what the kubelet has to know of a volume when the objects that told it are gone.

What: `write`, `read`, `erase`, and `scan` of all records after a restart. Why: a volume has to be unpublished and unstaged by a
kubelet that knows neither its pod nor its claim any more; the disk is the memory. The files are those of every kubelet.
Source: pkg/volume/csi/csi_util.go (saveVolumeData, loadVolumeData), csi_mounter.go, csi_attacher.go.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from kubelite.kubelet.volumes.csi import names
from kubelite.util.log import get_logger

log = get_logger(__name__)


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """The file. A staged volume has driver and handle only; what was published to a pod has the rest as well."""

    driverName: str
    volumeHandle: str
    specVolID: str = ""
    nodeName: str = ""
    attachmentID: str = ""
    volumeLifecycleMode: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """A record below a pod's directory."""

    pod_uid: str
    directory: str
    record: Record

    @property
    def path(self) -> str:
        """Where the driver was asked to show the volume."""
        return os.path.join(self.directory, "mount")


_decode = msgspec.json.Decoder(Record).decode


def write(directory: str, record: Record) -> None:
    """At once and whole; the directory is made. Raises OSError."""
    os.makedirs(directory, 0o750, exist_ok=True)
    path = os.path.join(directory, names.DATA)
    if read(directory) == record:
        return
    with open(path + ".new", "wb") as file:
        file.write(msgspec.json.encode(record))
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".new", path)


def read(directory: str) -> Record | None:
    """None where there is none that can be read."""
    try:
        with open(os.path.join(directory, names.DATA), "rb") as file:
            return _decode(file.read())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        log.warning("Record of a volume cannot be read", directory=directory, error=error)
        return None


def erase(directory: str, mount: str) -> None:
    """Removes the empty place of a mount, the record and the directory. Raises OSError when the place is not empty."""
    place = os.path.join(directory, mount)
    with contextlib.suppress(FileNotFoundError):
        if os.path.isdir(place):
            os.rmdir(place)
        else:
            os.unlink(place)  # what stood for a device
    for name in (names.DATA, names.DATA + ".new"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, name))
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(directory)


def published(root_dir: str, pod_uid: str) -> list[Published]:
    """What was published to a pod, as the disk knows it."""
    home = names.pod_dir(root_dir, pod_uid)
    found = []
    for name in _entries(home):
        directory = os.path.join(home, name)
        record = read(directory)
        if record is not None:
            found.append(Published(pod_uid, directory, record))
    return found


def all_published(root_dir: str) -> Iterator[Published]:
    """What was published to any pod."""
    for uid in _entries(os.path.join(root_dir, "pods")):
        yield from published(root_dir, uid)


def all_staged(root_dir: str) -> Iterator[Record]:
    """The volumes that were staged or were about to be."""
    home = names.devices_dir(root_dir)
    for driver in _entries(home):
        for device in _entries(os.path.join(home, driver)):
            record = read(os.path.join(home, driver, device))
            if record is not None:
                yield record


def _entries(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
