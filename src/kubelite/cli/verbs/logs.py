"""`logs`: what containers wrote, of a pod, of a workload's pods or of those with a label.

Flow: arguments → pods → (pod, container) pairs → GET .../log streams → stdout. Follows kubectl/pkg/cmd/logs/logs.go and
polymorphichelpers/logsforobject.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from kubelite.cli import options
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.pods import LOGS_TIMEOUT, container_names, default_container, pods_of
from kubelite.cli.session import Object, Session
from kubelite.machinery.errors import StatusError

USAGE = (
    "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n"
    "POD or TYPE/NAME is a required argument for the logs command"
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which logs, and how much of them."""

    args: tuple[str, ...]
    selector: str
    container: str
    all_containers: bool
    all_pods: bool
    follow: bool
    prefix: bool
    ignore_errors: bool
    max_requests: int
    tail: int
    since: float
    since_time: str
    query: dict[str, str]
    wait: float


def complete(parsed: Parsed, session: Session) -> Options:
    args = tuple(parsed.args)
    container = parsed.text("container")
    if len(args) == 2 and not container:
        container, args = args[1], args[:1]
    tail = parsed.number("tail")
    if "tail" not in parsed.given and parsed.text("selector"):
        tail = 10
    query: dict[str, str] = {}
    for flag in ("follow", "previous", "timestamps"):
        if parsed.on(flag):
            query[flag] = "true"
    if parsed.number("limit-bytes"):
        query["limitBytes"] = str(parsed.number("limit-bytes"))
    if tail >= 0:
        query["tailLines"] = str(tail)
    if parsed.seconds("since"):
        query["sinceSeconds"] = str(int(-(-parsed.seconds("since") // 1)))
    if parsed.text("since-time"):
        query["sinceTime"] = parsed.text("since-time")
    if parsed.on("insecure-skip-tls-verify-backend"):
        query["insecureSkipTLSVerifyBackend"] = "true"
    return Options(
        args=args,
        selector=parsed.text("selector"),
        container=container,
        all_containers=parsed.on("all-containers"),
        all_pods=parsed.on("all-pods"),
        follow=parsed.on("follow"),
        prefix=parsed.on("prefix") or parsed.on("all-pods"),
        ignore_errors=parsed.on("ignore-errors"),
        max_requests=parsed.number("max-log-requests"),
        tail=tail,
        since=parsed.seconds("since"),
        since_time=parsed.text("since-time"),
        query=query,
        wait=parsed.seconds("pod-running-timeout"),
    )


def validate(opts: Options) -> None:
    if not opts.args and not opts.selector:
        raise UsageError(USAGE)
    if len(opts.args) > 2 or (len(opts.args) == 2 and opts.container):
        raise UsageError("only one of -c or an inline [CONTAINER] arg is allowed" if len(opts.args) == 2 else USAGE)
    if opts.args and opts.selector:
        raise UsageError("only a selector (-l) or a POD name is allowed")
    if opts.since and opts.since_time:
        raise CliError("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if opts.since < 0:
        raise CliError("--since must be greater than 0")
    if opts.all_containers and opts.container:
        raise CliError("--all-containers=true should not be specified with container name " + opts.container)
    if opts.tail < -1:
        raise CliError("--tail must be greater than or equal to -1")


async def run(opts: Options, session: Session) -> int:
    try:
        pods = await _pods(opts, session)
    except StatusError as error:
        if error.code != 404 or not error.details:
            raise
        raise CliError(
            f'error from server ({error.reason}): {error.message} in namespace "{session.namespace}"'
        ) from error
    streams = [(pod, name) for pod in pods for name in _containers(opts, session, pod)]
    if opts.follow and len(streams) > opts.max_requests:
        raise CliError(
            f"you are attempting to follow {len(streams)} log streams, but maximum allowed concurrency is "
            f"{opts.max_requests}, use --max-log-requests to increase the limit"
        )
    if opts.follow and len(streams) > 1:
        await asyncio.gather(*(_copy(opts, session, pod, name) for pod, name in streams))
        return 0
    for pod, name in streams:
        await _copy(opts, session, pod, name)
    return 0


async def _pods(opts: Options, session: Session) -> list[Object]:
    if opts.selector:
        path = f"/api/v1/namespaces/{session.namespace}/pods"
        answer = await session.json("GET", path, query={"labelSelector": opts.selector})
        found = list(answer.get("items") or ())
        if not found:
            session.warn(f"No resources found in {session.namespace} namespace.")
        return found
    pods = await pods_of(session, opts.args[0], opts.wait)
    if len(pods) > 1 and not opts.all_pods:
        session.warn(f"Found {len(pods)} pods, using pod/{pods[0]['metadata']['name']}")
        return pods[:1]
    return pods


def _containers(opts: Options, session: Session, pod: Object) -> Sequence[str]:
    name = pod["metadata"]["name"]
    if opts.all_containers:
        return container_names(pod)
    if opts.container:
        if opts.container not in container_names(pod):
            raise CliError(f"container {opts.container} is not valid for pod {name}")
        return [opts.container]
    chosen, others = default_container(pod)
    if others:
        session.warn(f'Defaulted container "{chosen}" out of: {", ".join(others)}')
    return [chosen]


async def _copy(opts: Options, session: Session, pod: Object, container: str) -> None:
    metadata = pod["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log"
    prefix = f"[pod/{metadata['name']}/{container}] ".encode() if opts.prefix else b""
    try:
        query = opts.query | {"container": container}
        stream = await session.client.stream("GET", path, query=query, seconds=session.seconds)
    except StatusError as error:
        if not opts.ignore_errors:
            raise
        session.warn(f"error: {error.message}")
        return
    try:
        rest = b""
        async for chunk in stream:
            if not prefix:
                session.streams.write_bytes(chunk)
                continue
            *lines, rest = (rest + chunk).split(b"\n")
            session.streams.write_bytes(b"".join(prefix + line + b"\n" for line in lines))
        if rest:
            session.streams.write_bytes(prefix + rest)
    finally:
        stream.close()


COMMAND = Command(
    name="logs",
    summary="Print the logs for a container in a pod",
    usage="logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]",
    long="Prints the logs of a container in a pod or in a pod of a workload. If the pod has only one container, its name may be "
    "left out.",
    examples=(
        ("The logs of a pod with one container", "logs nginx"),
        ("The logs of all containers of a pod", "logs nginx --all-containers=true"),
        ("The logs of pods with a label", "logs -l app=nginx --all-containers=true"),
        ("The logs of a container that was replaced", "logs -p -c ruby web-1"),
        ("Follow the logs of a container", "logs -f -c ruby web-1"),
        ("The last 20 lines", "logs --tail=20 nginx"),
        ("The logs of the last hour", "logs --since=1h nginx"),
        ("The logs of a deployment's container", "logs deployment/nginx -c nginx-1"),
    ),
    flags=(
        options.SELECTOR,
        Flag("all-containers", "Get all containers' logs in the pods.", type="bool"),
        Flag("all-pods", "Get logs from all pods; sets prefix.", type="bool"),
        Flag("container", "Print the logs of this container.", short="c"),
        Flag("follow", "Stream the logs.", short="f", type="bool"),
        Flag("ignore-errors", "Go on when logs of one container cannot be had.", type="bool"),
        Flag("insecure-skip-tls-verify-backend", "Don't check the kubelet's certificate.", type="bool"),
        Flag("limit-bytes", "Maximum bytes of logs to return; 0 for no limit.", type="int"),
        Flag("max-log-requests", "How many streams may be followed at once.", type="int", default=5),
        Flag("pod-running-timeout", "How long to wait for a pod.", type="duration", default=LOGS_TIMEOUT),
        Flag("prefix", "Begin each line with pod and container.", type="bool"),
        Flag("previous", "Logs of the previous container.", short="p", type="bool"),
        Flag("since", "Only logs newer than a duration such as 5s, 2m or 3h.", type="duration"),
        Flag("since-time", "Only logs after a date (RFC3339)."),
        Flag("tail", "Lines of recent log; -1 for all, 10 with a selector.", type="int", default=-1),
        Flag("timestamps", "Begin each line with its time.", type="bool"),
    ),
    complete=complete,
    validate=validate,
    run=run,
)
