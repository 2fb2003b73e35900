"""`run`: one pod from an image, in the foreground or not.

Flow: flags → pod (`generators.pod`) → POST → message, or with -i/--attach: wait until it runs → attach → exit code → --rm.
Follows kubectl/pkg/cmd/run/run.go.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from kubelite.cli import options
from kubelite.cli.builder import Item
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, Silent, UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.generators.pod import build
from kubelite.cli.outcome import Outcome, outcome, with_last_applied
from kubelite.cli.pods import POD_RUNNING_TIMEOUT
from kubelite.cli.session import Object, Session
from kubelite.cli.waiting import follow, wait_deleted


@dataclass(frozen=True, slots=True)
class Options:
    """The objects to create and what follows."""

    pod: Object
    service: Object | None
    attach: bool
    stdin: bool
    tty: bool
    quiet: bool
    remove: bool
    wait: float
    save_config: bool
    outcome: Outcome


def complete(parsed: Parsed, session: Session) -> Options:
    if "image" not in parsed.given:
        raise CliError('required flag(s) "image" not set')
    if not parsed.args:
        raise UsageError("NAME is required for run")
    name, arguments = parsed.args[0], parsed.args[1:]
    if not parsed.text("image"):
        raise CliError("--image is required")
    pod = build(parsed, name, arguments)
    if session.namespace_given:
        pod["metadata"] = {"name": name, "namespace": session.namespace} | pod["metadata"]
    if parsed.text("overrides"):
        pod = _overridden(pod, parsed.text("overrides"), parsed.text("override-type"))
    service = _service(parsed, pod) if parsed.on("expose") else None
    attach = parsed.on("attach") if "attach" in parsed.given else parsed.on("stdin") or parsed.on("tty")
    result = outcome(parsed, typed=parsed.text("dry-run") == "client")
    if parsed.on("rm") and not attach:
        raise UsageError("--rm should only be used for attached containers")
    if attach and result.dry_run != "none":
        raise UsageError(
            "--dry-run=server can't be used with attached containers options (--attach, --stdin, or --tty)"
            if result.dry_run == "server"
            else "--dry-run can't be used with attached containers options (--attach, --stdin, or --tty)"
        )
    if parsed.on("tty") and not parsed.on("stdin"):
        raise UsageError("-i/--stdin is required for containers with -t/--tty=true")
    return Options(
        pod=pod,
        service=service,
        attach=attach,
        stdin=parsed.on("stdin"),
        tty=parsed.on("tty"),
        quiet=parsed.on("quiet"),
        remove=parsed.on("rm"),
        wait=parsed.seconds("pod-running-timeout"),
        save_config=parsed.on("save-config"),
        outcome=result,
    )


def _overridden(pod: Object, text: str, kind: str) -> Object:
    from kubelite.api.schemas import patch_schema
    from kubelite.machinery import jsonpatch, mergepatch, strategicpatch

    try:
        patch: Any = json.loads(text)
    except ValueError as error:
        raise CliError(f"Invalid JSON Patch: {error}") from error
    if kind == "strategic":
        changed = strategicpatch.apply(pod, patch, patch_schema("v1", "Pod"))
    elif kind == "json":
        changed = jsonpatch.apply(pod, patch)
    elif kind == "merge":
        changed = mergepatch.apply(pod, patch)
    else:
        raise CliError(f"invalid override type: {kind}")
    result: Object = changed
    return result


def _service(parsed: Parsed, pod: Object) -> Object:
    if not parsed.text("port"):
        raise UsageError("--port must be set when exposing a service")
    name, port = pod["metadata"]["name"], int(parsed.text("port"))
    kept = ("name", "namespace", "labels") if parsed.text("labels") else ("name", "namespace")
    metadata = {key: value for key, value in pod["metadata"].items() if key in kept}
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": metadata | {"creationTimestamp": None},
        "spec": {
            "ports": [{"protocol": "TCP", "port": port, "targetPort": port}],
            "selector": {"run": name} if not parsed.text("labels") else pod["metadata"]["labels"],
        },
        "status": {"loadBalancer": {}},
    }


def validate(opts: Options) -> None:
    if opts.remove and opts.pod["spec"].get("restartPolicy") == "Always" and not opts.attach:
        raise UsageError("--rm should only be used for attached containers")


async def run(opts: Options, session: Session) -> int:
    pod = with_last_applied(opts.pod) if opts.save_config else opts.pod
    objects = ([opts.service] if opts.service else []) + [pod]
    if opts.outcome.client_only:
        for index, obj in enumerate(objects):
            if index:
                _separate(opts, session)
            opts.outcome.show(session, obj, "created")
        return 0
    created = await _post(opts, session, "pods", pod)
    if opts.service is not None:
        made = await _post(opts, session, "services", opts.service)
        opts.outcome.show(session, made, "created")
        _separate(opts, session)
    if not opts.attach:
        opts.outcome.show(session, created, "created")
        return 0
    resource = (await session.resources()).named("pods")
    item = Item(resource, session.namespace, created["metadata"]["name"], created)
    try:
        return await _attach(opts, session, item)
    finally:
        if opts.remove:
            await _remove(opts, session, item)


def _separate(opts: Options, session: Session) -> None:
    """kubectl ends the service's document and begins the pod's: two lines."""
    if opts.outcome.output == "yaml":
        session.print("---\n---")


async def _post(opts: Options, session: Session, plural: str, obj: Object) -> Object:
    path = f"/api/v1/namespaces/{session.namespace}/{plural}"
    return await session.json("POST", path, query=opts.outcome.query, body=obj)


async def _attach(opts: Options, session: Session, item: Item) -> int:
    """Attach to the running pod (or print the logs of one that is over); its exit code is ours."""
    from kubelite.cli.remote import attach_to, copy_logs

    pod = await _until(session, item, ("Running", "Succeeded", "Failed"), opts.wait)
    container = pod["spec"]["containers"][0]["name"]
    if (pod.get("status") or {}).get("phase") == "Running":
        if not opts.quiet and opts.stdin:
            session.warn("If you don't see a command prompt, try pressing enter.")
        await attach_to(session, pod, container, stdin=opts.stdin, tty=opts.tty)
    else:
        await copy_logs(session, pod, container)
    if opts.pod["spec"].get("restartPolicy") == "Always":
        return 0
    pod = await _until(session, item, ("Succeeded", "Failed"), opts.wait)
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        code = ((status.get("state") or {}).get("terminated") or {}).get("exitCode", 0)
        if code:
            session.warn(f"pod {session.namespace}/{item.name} terminated (Error)")
            raise Silent(int(code))
    return 0


async def _until(session: Session, item: Item, phases: tuple[str, ...], seconds: float) -> Object:
    try:
        async with asyncio.timeout(seconds), aclosing(follow(session, item)) as versions:  # type: ignore[type-var]
            async for obj in versions:
                if obj is None:
                    raise CliError(f'pods "{item.name}" not found')
                if (obj.get("status") or {}).get("phase") in phases:
                    return obj
    except TimeoutError:
        raise CliError("timed out waiting for the condition") from None
    raise CliError("timed out waiting for the condition")


async def _remove(opts: Options, session: Session, item: Item) -> None:
    await session.json("DELETE", item.resource.path(item.namespace, item.name))
    session.print(f'pod "{item.name}" deleted')
    if opts.service is not None:
        await session.json("DELETE", f"/api/v1/namespaces/{item.namespace}/services/{item.name}")
        session.print(f'service "{item.name}" deleted')
    await wait_deleted(session, item, uid=str(item.object["metadata"].get("uid", "")), timeout=60)


COMMAND = Command(
    name="run",
    summary="Run a particular image on the cluster",
    usage='run NAME --image=image [--env="key=value"] [--port=port] [--dry-run=server|client] [--overrides=inline-json] '
    "[--command] -- [COMMAND] [args...]",
    long="Create and run a particular image in a pod.",
    examples=(
        ("Start a nginx pod", "run nginx --image=nginx"),
        ("Start a pod that exposes port 5701", "run hazelcast --image=hazelcast/hazelcast --port=5701"),
        (
            "Start a pod with environment variables",
            'run hazelcast --image=hazelcast/hazelcast --env="DNS_DOMAIN=cluster"',
        ),
        ("Start a pod with labels", 'run hazelcast --image=hazelcast/hazelcast --labels="app=hazelcast,env=prod"'),
        ("Print the object without creating it", "run nginx --image=nginx --dry-run=client -o yaml"),
        ("Start a busybox pod in the foreground", "run -i -t busybox --image=busybox --restart=Never"),
        ("Start a pod with arguments", "run nginx --image=nginx -- <arg1> <arg2>"),
        ("Start a pod with a command", "run nginx --image=nginx --command -- <cmd> <arg1>"),
    ),
    flags=(
        *options.PRINT,
        options.DRY_RUN,
        options.field_manager("kubectl-run"),
        Flag("annotations", "Annotations to apply to the pod.", type="array"),
        Flag("attach", "Wait for the pod to run, then attach to it.", type="bool"),
        Flag("command", "Use the extra arguments as the command, not as arguments.", type="bool"),
        Flag("env", "Environment variables to set: key=value.", type="array"),
        Flag("expose", "Create a ClusterIP service for the pod; requires --port.", type="bool"),
        Flag("image", "The image for the container to run."),
        Flag("image-pull-policy", "The image pull policy for the container."),
        Flag("labels", "Comma-separated labels for the pod.", short="l"),
        Flag("leave-stdin-open", "Leave stdin open after the first attach.", type="bool"),
        Flag("override-type", "How to apply --overrides: json, merge or strategic.", default="merge"),
        Flag("overrides", "An inline JSON override for the generated object."),
        Flag(
            "pod-running-timeout", "How long to wait for the pod to run.", type="duration", default=POD_RUNNING_TIMEOUT
        ),
        Flag("port", "The port that this container exposes."),
        Flag("privileged", "Run the container in privileged mode.", type="bool"),
        Flag("quiet", "Suppress prompt messages.", short="q", type="bool"),
        Flag("restart", "The restart policy: Always, OnFailure or Never.", default="Always"),
        Flag("rm", "Delete the pod after it exits; only for attached containers.", type="bool"),
        Flag("save-config", "Keep the configuration in the object's annotation.", type="bool"),
        Flag("stdin", "Keep stdin open.", short="i", type="bool"),
        Flag("tty", "Allocate a terminal.", short="t", type="bool"),
    ),
    refused=(
        "--kustomize",
        "-k",
        "--filename",
        "-f",
        "--recursive",
        "-R",
        "--cascade",
        "--force",
        "--grace-period",
        "--timeout",
        "--wait",
    ),
    complete=complete,
    validate=validate,
    run=run,
)
