"""From `POD`, `TYPE/NAME` or an object to pods and their containers.

What: `pods_of`, `first_pod`, `container_names`, `default_container`. Why: logs, exec, attach, cp and port-forward all accept a
workload where they need a pod. Flow: argument → object → selector → pods, the most useful first.
Follows kubectl/pkg/polymorphichelpers and kubectl/pkg/cmd/util/podcmd.
"""

from __future__ import annotations

import asyncio
import contextlib

from kubelite.cli import builder
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.failures import CliError
from kubelite.cli.session import Object, Session

POD_RUNNING_TIMEOUT = 60.0
"""Seconds that exec, attach, port-forward and run wait for a pod; logs waits for 20."""
LOGS_TIMEOUT = 20.0
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


async def object_of(session: Session, argument: str, default: str = "pods") -> Item:
    """The object that `NAME` or `TYPE/NAME` names."""
    args = (argument,) if "/" in argument else (default, argument)
    found = await builder.items(session, Pointer(args=args))
    return found[0]


def pod_selector(item: Item) -> str:
    """The label selector of a workload's or service's pods. Raises CliError for other kinds."""
    from kubelite.cli.describe.text import format_labels, selector_text

    spec = item.object.get("spec") or {}
    selector = spec.get("selector")
    if item.resource.kind in ("Service", "ReplicationController"):
        if not selector:
            raise CliError(f"invalid service '{item.name}': Service is defined without a selector")
        return format_labels(selector)
    if not isinstance(selector, dict):
        raise CliError(
            f"selector for *v1.{item.resource.kind} not implemented" if selector is None else "invalid label selector"
        )
    return selector_text(selector)


async def pods_of(session: Session, argument: str, wait: float) -> list[Object]:
    """The pod named, or the pods of the workload named: at least one, waited for `wait` seconds."""
    item = await object_of(session, argument)
    if item.resource.kind == "Pod" and not item.resource.group:
        return [item.object]
    selector = pod_selector(item)
    path = f"/api/v1/namespaces/{item.namespace}/pods"
    listed = await session.json("GET", path, query={"labelSelector": selector})
    if listed.get("items"):
        return sorted(listed["items"], key=_rank)
    return [await _appearing(session, path, selector, str(listed["metadata"]["resourceVersion"]), wait)]


async def _appearing(session: Session, path: str, selector: str, version: str, wait: float) -> Object:
    """The first pod that comes into being after `version`. Raises CliError after `wait` seconds."""
    import msgspec

    query = {"labelSelector": selector, "watch": "true", "resourceVersion": version}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait), contextlib.aclosing(session.lines(path, query, {})) as lines:  # type: ignore[type-var]
            async for line in lines:
                event = msgspec.json.decode(line)
                if event["type"] in ("ADDED", "MODIFIED"):
                    pod: Object = event["object"]
                    return pod
    raise CliError("timed out waiting for the condition")


async def first_pod(session: Session, argument: str, wait: float) -> Object:
    """One pod: the most useful of a workload's, waited for `wait` seconds."""
    return (await pods_of(session, argument, wait))[0]


def _rank(pod: Object) -> tuple[bool, int, bool, int, str]:
    """Assigned, running, ready and with few restarts first; then the older one."""
    status = pod.get("status") or {}
    phases = {"Running": 0, "Unknown": 1, "Pending": 2}
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or ())
    restarts = max((one.get("restartCount", 0) for one in status.get("containerStatuses") or ()), default=0)
    assigned = bool((pod.get("spec") or {}).get("nodeName"))
    created = str(pod["metadata"].get("creationTimestamp"))
    return (not assigned, phases.get(status.get("phase", ""), 3), not ready, restarts, created)


def container_names(pod: Object) -> list[str]:
    """Init containers, containers, ephemeral containers."""
    spec = pod.get("spec") or {}
    keys = ("initContainers", "containers", "ephemeralContainers")
    return [one["name"] for key in keys for one in spec.get(key) or ()]


def default_container(pod: Object) -> tuple[str, list[str]]:
    """(the container meant when none is named, all of them as kubectl lists them, [] when there is only one)."""
    spec = pod.get("spec") or {}
    containers = [one["name"] for one in spec.get("containers") or ()]
    listed = list(containers)
    listed += [f"{one['name']} (ephem)" for one in spec.get("ephemeralContainers") or ()]
    listed += [f"{one['name']} (init)" for one in spec.get("initContainers") or ()]
    wanted = (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
    if wanted in container_names(pod):
        return str(wanted), []
    if not containers:
        raise CliError(f"pod {pod['metadata']['name']} has no containers")
    return containers[0], listed if len(listed) > 1 else []
