"""`cp`: files and directories to and from containers, by running tar there.

Flow: local path → tar → stdin of `tar -xmf -`; or `tar cf -` → tar → local path. Follows kubectl/pkg/cmd/cp/cp.go.
"""

from __future__ import annotations

import posixpath
import shlex
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.pods import container_names, default_container, first_pod
from kubelite.cli.session import Object, Session
from kubelite.client.errors import ConnectionFailed

IN_MEMORY = 8 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """A path here (`pod` "") or in a pod."""

    path: str
    pod: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """From where to where."""

    source: Place
    target: Place
    container: str
    preserve: bool
    retries: int = 0
    """Further attempts of a download; negative for any number."""


def place(text: str) -> Place:
    """`[[namespace/]pod:]path`. Raises UsageError."""
    head, colon, path = text.partition(":")
    if not colon or head.startswith((".", "/")) or head == "":
        return Place(text)
    parts = head.split("/")
    if len(parts) > 2:
        raise UsageError(f'path must match "[[namespace/]pod:]file/path": {text}')
    return Place(path, parts[-1], parts[0] if len(parts) == 2 else "")


def complete(parsed: Parsed, session: Session) -> Options:
    if len(parsed.args) != 2:
        raise UsageError("source and destination are required")
    source, target = place(parsed.args[0]), place(parsed.args[1])
    return Options(source, target, parsed.text("container"), not parsed.on("no-preserve"), parsed.number("retries"))


def validate(opts: Options) -> None:
    if opts.source.pod and opts.target.pod:
        raise CliError("one of src or dest must be a local file specification")
    if not opts.source.pod and not opts.target.pod:
        raise CliError("one of src or dest must be a remote file specification")
    if not opts.source.path or not opts.target.path:
        raise CliError("filepath can not be empty")


async def _container(opts: Options, session: Session, remote: Place) -> tuple[Object, str]:
    if remote.namespace:
        resource = (await session.resources()).named("pods")
        pod = await session.get(resource, remote.namespace, remote.pod)
    else:
        pod = await first_pod(session, remote.pod, 0)
    if opts.container:
        if opts.container not in container_names(pod):
            raise CliError(f"container {opts.container} is not valid for pod {remote.pod}")
        return pod, opts.container
    chosen, others = default_container(pod)
    if others:
        session.warn(f'Defaulted container "{chosen}" out of: {", ".join(others)}')
    return pod, chosen


async def run(opts: Options, session: Session) -> int:
    return await (_download(opts, session) if opts.source.pod else _upload(opts, session))


async def _upload(opts: Options, session: Session) -> int:
    from kubelite.cli.remote import run_piped

    source = Path(opts.source.path)
    if not source.exists():
        raise CliError(f"{opts.source.path} doesn't exist in local filesystem")
    pod, container = await _container(opts, session, opts.target)
    target = opts.target.path
    if target.endswith("/") or await _is_directory(session, pod, container, target):
        target = posixpath.join(target, source.resolve().name)
    folder, name = posixpath.split(target.rstrip("/"))
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as buffer:
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            tar.add(source, arcname=name)
        buffer.seek(0)
        flags = "-xmf" if opts.preserve else "--no-same-permissions --no-same-owner -xmf"
        command = ["tar", *flags.split(), "-"] + (["-C", folder] if folder else [])
        file: BinaryIO = buffer  # type: ignore[assignment]  # a spooled file is one in all that matters here
        await run_piped(session, pod, container, command, stdin=file)
    return 0


async def _is_directory(session: Session, pod: Object, container: str, path: str) -> bool:
    from kubelite.cli.remote import run_piped

    try:
        await run_piped(session, pod, container, ["test", "-d", path], stdout=lambda data: None)
    except CliError:
        return False
    return True


async def _download(opts: Options, session: Session) -> int:
    pod, container = await _container(opts, session, opts.source)
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as buffer:
        await _fetch(opts, session, pod, container, buffer.write, buffer.tell)
        buffer.seek(0)
        file: BinaryIO = buffer  # type: ignore[assignment]  # a spooled file is one in all that matters here
        _extract(session, file, opts.source.path, Path(opts.target.path))
    return 0


async def _fetch(
    opts: Options,
    session: Session,
    pod: Object,
    container: str,
    take: Callable[[bytes], object],
    size: Callable[[], int],
) -> None:
    """The archive of the source; after a broken connection what is missing is asked for, --retries times."""
    from kubelite.cli.remote import run_piped

    attempt = 0
    while True:
        command = ["tar", "cf", "-", opts.source.path]
        if size():
            command = ["sh", "-c", f"{shlex.join(command)} | tail -c+{size() + 1}"]
        try:
            return await run_piped(session, pod, container, command, stdout=take)
        except (ConnectionFailed, ConnectionError) as error:
            if attempt == opts.retries:
                raise
            attempt += 1
            many = "" if opts.retries < 0 else f"/{opts.retries}"
            session.warn(f"Resuming copy at {size()} bytes, retry {attempt}{many} - {error}")


def _extract(session: Session, file: BinaryIO, source: str, target: Path) -> None:
    """Unpack below `target`; members that would land elsewhere are left out, links too."""
    prefix = posixpath.normpath(source).lstrip("/")
    if target.is_dir():
        target = target / posixpath.basename(prefix)
    with tarfile.open(fileobj=file, mode="r|") as tar:
        for member in tar:
            name = posixpath.normpath(member.name).lstrip("/")
            if name != prefix and not name.startswith(prefix + "/"):
                session.warn(f"warning: skipping {member.name}: it is not below {source}")
                continue
            relative = posixpath.relpath(name, prefix)
            path = target if relative == "." else target / relative
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
            elif member.isfile():
                path.parent.mkdir(parents=True, exist_ok=True)
                data = tar.extractfile(member)
                path.write_bytes(data.read() if data is not None else b"")
                path.chmod(member.mode & 0o777)
            else:
                session.warn(f"warning: skipping symlink: {str(path)!r} -> {member.linkname!r}")


COMMAND = Command(
    name="cp",
    summary="Copy files and directories to and from containers",
    usage="cp <file-spec-src> <file-spec-dest>",
    long="The container's image must have the 'tar' program.",
    examples=(
        ("Copy a directory to a pod", "cp /tmp/foo_dir <some-pod>:/tmp/bar_dir"),
        ("Copy a file to a container", "cp /tmp/foo <some-pod>:/tmp/bar -c <specific-container>"),
        ("Copy a file from a pod", "cp <some-namespace>/<some-pod>:/tmp/foo /tmp/bar"),
    ),
    flags=(
        Flag("container", "Container name; the default container if it is left out.", short="c"),
        Flag("no-preserve", "Do not keep ownership and permissions.", type="bool"),
        Flag("retries", "How often a broken copy from a container is resumed; below 0 for ever.", type="int"),
    ),
    complete=complete,
    validate=validate,
    run=run,
)
