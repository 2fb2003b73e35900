"""NFS volumes, mounted by mount(8): the kernel's client and its helper know the protocol.

What: `Share`, `mount`, `unmount_all`. Why: a process of its own can be given up when a server does not answer; nothing here
touches what is mounted, as that may hang. Flow: pod's volume → `mount -t nfs` below `kubernetes.io~nfs` → `umount`, by force
after a minute. Source: pkg/volume/nfs, k8s.io/mount-utils (mount_linux.go).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kubelite.api.types.core_v1 import NFSVolumeSource
from kubelite.kubelet.volumes import mountpoints

PLUGIN: Final = "kubernetes.io~nfs"
MOUNT_SECONDS: Final = 150.0
"""mount.nfs itself tries for two minutes."""
UNMOUNT_SECONDS: Final = 60.0
KILLED: Final = "signal: killed"


@dataclass(frozen=True, slots=True)
class Share:
    """`name` is that of the PersistentVolume, or of the pod's volume."""

    name: str
    server: str
    path: str
    read_only: bool = False
    options: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """As mount(8) takes it."""
        server = f"[{self.server}]" if ":" in self.server else self.server
        return f"{server}:{self.path}"


def of(source: NFSVolumeSource, name: str, *, read_only: bool = False, options: Sequence[str] = ()) -> Share:
    """The share that a pod or a PersistentVolume names."""
    return Share(name, source.server, source.path, read_only or bool(source.readOnly), tuple(options))


def arguments(share: Share, target: str) -> list[str]:
    """Of mount(8)."""
    options = sorted({*share.options, *(("ro",) if share.read_only else ())})
    return ["-t", "nfs", *(("-o", ",".join(options)) if options else ()), share.source, target]


async def mount(share: Share, volumes_dir: str) -> str:
    """Where the share is mounted below a pod's `volumes`. Raises ValueError with upstream's text, OSError."""
    target = os.path.join(volumes_dir, PLUGIN, share.name)
    if mountpoints.is_mounted(target):
        return target
    os.makedirs(target, 0o750, exist_ok=True)
    words = arguments(share, target)
    problem, output = await _run("mount", words, MOUNT_SECONDS)
    if problem:
        if not mountpoints.is_mounted(target):
            os.rmdir(target)
        shown = " ".join(words)
        raise ValueError(
            f"mount failed: {problem}\nMounting command: mount\nMounting arguments: {shown}\nOutput: {output}\n"
        )
    return target


async def unmount_all(volumes_dir: str) -> None:
    """Unmounts the shares of a pod, also those whose server is gone. Raises OSError."""
    home = os.path.join(volumes_dir, PLUGIN)
    if not os.path.isdir(home):
        return
    for target in mountpoints.below(home):
        problem, output = await _run("umount", [target], UNMOUNT_SECONDS)
        if problem:
            problem, output = await _run("umount", ["-f", target], UNMOUNT_SECONDS)
        if problem and mountpoints.is_mounted(target):
            raise OSError(f"unmount failed: {problem}\nUnmounting arguments: {target}\nOutput: {output}\n")


async def _run(program: str, words: Sequence[str], seconds: float) -> tuple[str, str]:
    """What went wrong, as Go says it ("": nothing), and what the program printed."""
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except FileNotFoundError:
        return f'exec: "{program}": executable file not found in $PATH', ""
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    except TimeoutError:
        return KILLED, f"no answer within {seconds:g} seconds"
    finally:
        if process.returncode is None:
            process.kill()
    problem = f"exit status {process.returncode}" if process.returncode else ""
    return problem, output.decode(errors="replace").strip()
