"""`exec` and `attach`: a command in a container, or its main process, with our terminal.

Flow: arguments → pod and container → `remote.exec_in` or `remote.attach_to` → the command's exit code.
Follows kubectl/pkg/cmd/exec/exec.go and kubectl/pkg/cmd/attach/attach.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.cli import builder
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.options import FILENAME
from kubelite.cli.pods import POD_RUNNING_TIMEOUT, container_names, default_container, first_pod
from kubelite.cli.session import Object, Session


@dataclass(frozen=True, slots=True)
class Options:
    """Which container, which command (none for attach) and which streams."""

    resource: str
    files: tuple[str, ...]
    command: tuple[str, ...]
    container: str
    stdin: bool
    tty: bool
    quiet: bool
    wait: float


def complete(parsed: Parsed, session: Session) -> Options:
    args, files = list(parsed.args), parsed.many("filename")
    if parsed.dash > (0 if files else 1):
        raise CliError("exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead")
    if parsed.dash == -1 and len(args) > (0 if files else 1):
        raise CliError(
            "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\n"
            "See 'kubelite exec -h' for help and examples"
        )
    resource = "" if files or not args or parsed.dash == 0 else args.pop(0)
    return Options(
        resource=resource,
        files=files,
        command=tuple(args),
        container=parsed.text("container"),
        stdin=parsed.on("stdin"),
        tty=parsed.on("tty"),
        quiet=parsed.on("quiet"),
        wait=parsed.seconds("pod-running-timeout"),
    )


def complete_attach(parsed: Parsed, session: Session) -> Options:
    if not parsed.args:
        raise CliError("at least 1 argument is required for attach")
    if len(parsed.args) > 2:
        raise CliError(
            f"expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw {len(parsed.args)}: "
            f"[{' '.join(parsed.args)}]"
        )
    return Options(
        resource="/".join(parsed.args),
        files=(),
        command=(),
        container=parsed.text("container"),
        stdin=parsed.on("stdin"),
        tty=parsed.on("tty"),
        quiet=parsed.on("quiet"),
        wait=parsed.seconds("pod-running-timeout"),
    )


def validate(opts: Options) -> None:
    if not opts.resource and not opts.files:
        raise CliError("pod, type/name or --filename must be specified")
    if not opts.command:
        raise CliError("you must specify at least one command for the container")


async def _pod(opts: Options, session: Session) -> Object:
    if opts.files:
        items = await builder.file_items(session, opts.files, False)
        item = items[0]
        return await first_pod(session, f"{item.resource.name}/{item.name}", opts.wait)
    return await first_pod(session, opts.resource, opts.wait)


def _container(opts: Options, session: Session, pod: Object) -> str:
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        raise CliError(
            f"cannot exec into a container in a completed pod; current phase is {phase}"
            if opts.command
            else f"cannot attach a container in a completed pod; current phase is {phase}"
        )
    if opts.container:
        if opts.container not in container_names(pod):
            raise CliError(
                f"container {opts.container} not found in pod {pod['metadata']['name']}"
                if not opts.command
                else f"container {opts.container} is not valid for pod {pod['metadata']['name']}"
            )
        return opts.container
    chosen, others = default_container(pod)
    if others and not opts.quiet:
        session.warn(f'Defaulted container "{chosen}" out of: {", ".join(others)}')
    return chosen


async def run(opts: Options, session: Session) -> int:
    from kubelite.cli.remote import exec_in

    pod = await _pod(opts, session)
    container = _container(opts, session, pod)
    return await exec_in(session, pod, container, opts.command, stdin=opts.stdin, tty=opts.tty)


async def run_attach(opts: Options, session: Session) -> int:
    from kubelite.cli.remote import attach_to

    pod = await _pod(opts, session)
    container = _container(opts, session, pod)
    found: Object = next((one for one in pod["spec"]["containers"] if one["name"] == container), {})
    tty = opts.tty
    if tty and not found.get("tty"):
        session.warn(f"error: Unable to use a TTY - container {container} did not allocate one")
        tty = False
    if not opts.quiet and opts.stdin:
        session.warn("If you don't see a command prompt, try pressing enter.")
    return await attach_to(session, pod, container, stdin=opts.stdin, tty=tty or bool(found.get("tty") and opts.stdin))


_FLAGS = (
    Flag("container", "Container name; the first one by default.", short="c"),
    Flag("pod-running-timeout", "How long to wait for a pod.", type="duration", default=POD_RUNNING_TIMEOUT),
    Flag("quiet", "Only print output from the remote session.", short="q", type="bool"),
    Flag("stdin", "Pass stdin to the container.", short="i", type="bool"),
    Flag("tty", "Stdin is a terminal.", short="t", type="bool"),
)
COMMAND = Command(
    name="exec",
    summary="Execute a command in a container",
    usage="exec (POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...]",
    examples=(
        ("Run 'date' in a pod", "exec mypod -- date"),
        ("Run 'date' in a container of a pod", "exec mypod -c ruby-container -- date"),
        ("A shell in a pod", "exec mypod -i -t -- bash -il"),
        ("Run 'date' in the first pod of a deployment", "exec deploy/mydeployment -- date"),
    ),
    flags=(*_FLAGS, FILENAME),
    complete=complete,
    validate=validate,
    run=run,
)
ATTACH = Command(
    name="attach",
    summary="Attach to a running container",
    usage="attach (POD | TYPE/NAME) -c CONTAINER",
    examples=(
        ("Get output from a running pod", "attach mypod"),
        ("Attach a terminal to a container", "attach mypod -c ruby-container -i -t"),
        ("Get output from a pod of a replica set", "attach rs/nginx"),
    ),
    flags=_FLAGS,
    complete=complete_attach,
    run=run_attach,
)
