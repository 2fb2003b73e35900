"""A laboratory for workloads: real controllers over TLS, and nodes that only report what the test wants them to.

What: `lab(...)` runs controllers and a `Lab`: requests over kept connections, waiting, and nodes that bind every pod of the
namespace, report the state that `report` gives for it and end what is deleted. Why: a workload's behaviour depends on
what becomes of its pods, and containers would only make that slow. Flow: `async with lab("job-controller") as it:`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kubelite.client.client import Client
from tests.conformance.harness import controllers, eventually
from tests.integration.controllers.manager import World

CORE = "/api/v1/namespaces/default"
APPS = "/apis/apps/v1/namespaces/default"
BATCH = "/apis/batch/v1/namespaces/default"
PODS = f"{CORE}/pods"
PATCHES = {"json": "json-patch", "merge": "merge-patch", "strategic": "strategic-merge-patch"}
NODES = ("node-0", "node-1", "node-2")
Report = Callable[[Any], Mapping[str, Any] | None]
"""Pod → the status that its node reports; None as long as it has none."""


def running(pod: Any, *, ready: bool = True) -> dict[str, Any]:
    """All containers run; `ready` says whether they can be used."""
    state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    return {"phase": "Running", "podIP": "10.244.0.9", **_containers(pod, state, ready)}


def unready(pod: Any) -> dict[str, Any]:
    """They run, and their probes fail."""
    return running(pod, ready=False)


def no_image(pod: Any) -> dict[str, Any]:
    """There is no such image."""
    return {"phase": "Pending", **_containers(pod, {"waiting": {"reason": "ImagePullBackOff"}}, False)}


def succeeded(pod: Any) -> dict[str, Any]:
    """All containers ended well."""
    return ended(pod, 0)


def ended(pod: Any, code: int) -> dict[str, Any]:
    """All containers ended with this exit code, long enough ago for back-offs to be over."""
    state = {"terminated": {"exitCode": code, "finishedAt": "2026-01-01T00:00:00Z"}}
    return {"phase": "Failed" if code else "Succeeded", **_containers(pod, state, False)}


def _containers(pod: Any, state: Any, ready: bool) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": now}
    statuses = [
        {"name": one["name"], "image": one["image"], "imageID": "", "ready": ready, "restartCount": 0, "state": state}
        for one in pod["spec"]["containers"]
    ]
    return {"conditions": [condition], "containerStatuses": statuses}


def template(labels: Mapping[str, str], image: str = "httpd:1", **spec: Any) -> dict[str, Any]:
    """A pod template with one container."""
    containers = [{"name": "httpd", "image": image}]
    return {"metadata": {"labels": dict(labels)}, "spec": {"containers": containers, **spec}}


def name(obj: Any) -> str:
    return str(obj["metadata"]["name"])


def names(objects: list[Any]) -> list[str]:
    return sorted(map(name, objects))


def images(objects: list[Any]) -> list[str]:
    """The image of each pod, in the order of their names."""
    return [one["spec"]["containers"][0]["image"] for one in sorted(objects, key=name)]


def image_patch(image: str) -> dict[str, Any]:
    """A strategic patch of a workload's template."""
    return {"spec": {"template": {"spec": {"containers": [{"name": "httpd", "image": image}]}}}}


def condition(obj: Any, type_: str, status: str = "True") -> Any:
    """The condition with this type and status, None if there is none."""
    found = obj.get("status", {}).get("conditions", ())
    return next((one for one in found if (one["type"], one["status"]) == (type_, status)), None)


def controller_of(pod: Any) -> str:
    """The name of the owner that controls it."""
    return next((one["name"] for one in pod["metadata"].get("ownerReferences", ()) if one.get("controller")), "")


@dataclass
class Lab:
    """The running system; paths are API paths. `report` may be replaced at any time: `await again()` then."""

    world: World
    user: Client
    """Who makes the workloads; the controllers themselves may do only what their roles say."""
    report: Report = running
    next: Iterator[str] = field(default_factory=lambda: itertools.cycle(NODES))
    """The node of the next pod that has no wish."""
    held: set[str] = field(default_factory=set)
    """Pods whose end the nodes do not bring about yet."""
    log: list[tuple[str, str]] = field(default_factory=list)
    """What happened to pods: ("added" | "ready" | "deleted", name)."""

    # requests

    async def call(self, method: str, path: str, body: Any = None, kind: str = "", **query: str) -> tuple[int, Any]:
        """Status and object of an answer."""
        media = f"{PATCHES[kind]}+json" if kind else "json"
        response = await self.user.request(
            method,
            path,
            query=query,
            body=b"" if body is None else json.dumps(body).encode(),
            headers={"Content-Type": f"application/{media}"},
            raw=True,
        )
        return response.status, json.loads(response.body)

    async def good(self, *call: Any, **query: str) -> Any:
        status, answer = await self.call(*call, **query)
        assert status in (200, 201), (status, answer)
        return answer

    async def get(self, path: str, **query: str) -> Any:
        return await self.good("GET", path, **query)

    async def items(self, path: str, label: str = "") -> list[Any]:
        found = await self.get(path, **({"labelSelector": label} if label else {}))
        return list(found["items"])

    async def post(self, path: str, body: Any) -> Any:
        return await self.good("POST", path, body)

    async def patch(self, path: str, body: Any, kind: str = "strategic") -> Any:
        return await self.good("PATCH", path, body, kind)

    async def delete(self, path: str, **options: Any) -> None:
        await self.good("DELETE", path, options)

    async def update(self, path: str, change: Callable[[Any], Any], subresource: str = "") -> Any:
        """The object as it is, changed and put back; again after a conflict, as clients do."""
        while True:
            found = await self.get(path)
            change(found)
            status, answer = await self.call("PUT", f"{path}{subresource}", found)
            if status != 409:
                assert status == 200, (status, answer)
                return answer

    async def pods(self, label: str = "") -> list[Any]:
        """Pods that are not on their way out."""
        return [pod for pod in await self.items(PODS, label) if "deletionTimestamp" not in pod["metadata"]]

    async def until(self, path: str, check: Callable[[Any], Any], **query: str) -> Any:
        """The object (or list) as soon as `check` finds it right."""

        async def fine() -> Any:
            found = await self.get(path, **query)
            assert check(found), found
            return found

        return await eventually(fine)

    async def until_pods(self, check: Callable[[list[Any]], Any], label: str = "") -> list[Any]:
        """The pods as soon as `check` finds them right."""

        async def fine() -> Any:
            found = await self.pods(label)
            assert check(found), [(name(pod), pod["status"]) for pod in found]
            return [found]

        (found,) = await eventually(fine)
        return list(found)

    async def absent(self, path: str) -> None:
        """Waits until it is not found."""

        async def gone() -> bool:
            return (await self.call("GET", path))[0] == 404

        await eventually(gone)

    async def told(self, reason: str, *messages: str) -> None:
        """Waits until events with this reason say just this, in any order."""

        async def fine() -> bool:
            events = await self.items(f"{CORE}/events")
            assert sorted(one["message"] for one in events if one["reason"] == reason) == sorted(messages)
            return True

        await eventually(fine)

    # nodes

    async def work(self) -> None:
        """The nodes, for ever."""
        async with self.world.api.watch(PODS) as watch:
            while (event := await watch.next(60)) is not None:
                if event["type"] == "DELETED":
                    self.log.append(("deleted", name(event["object"])))
                elif event["type"] in ("ADDED", "MODIFIED"):
                    if event["type"] == "ADDED":
                        self.log.append(("added", name(event["object"])))
                    await self.see(event["object"])

    async def again(self) -> None:
        """Looks at every pod anew."""
        for pod in await self.items(PODS):
            await self.see(pod)

    async def see(self, pod: Any) -> None:
        path, phase = f"{PODS}/{name(pod)}", pod["status"].get("phase", "Pending")
        if "deletionTimestamp" in pod["metadata"]:
            if name(pod) not in self.held:
                await self._end(path, pod, phase)
        elif not pod["spec"].get("nodeName"):
            target = {"kind": "Node", "name": _wanted_node(pod) or next(self.next)}
            await self.call("POST", f"{path}/binding", {"metadata": {"name": name(pod)}, "target": target})
        elif phase in ("Pending", "Running"):
            status = self.report(pod)
            if status is not None and _said(status) != _said(pod["status"]):
                if condition({"status": status}, "Ready"):
                    self.log.append(("ready", name(pod)))
                await self.call("PATCH", f"{path}/status", {"status": status}, "strategic")

    async def _end(self, path: str, pod: Any, phase: str) -> None:
        """What a node does last: it reports how the containers ended, then the pod is gone."""
        if pod["metadata"].get("finalizers") and phase in ("Pending", "Running"):
            await self.call("PATCH", f"{path}/status", {"status": ended(pod, 137)}, "strategic")
        await self.call("DELETE", path, {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}})


def _said(status: Mapping[str, Any]) -> tuple[str, bool, int]:
    """What is compared of two reports."""
    ready = condition({"status": status}, "Ready") is not None
    return status.get("phase", "Pending"), ready, len(status.get("containerStatuses", ()))


def _wanted_node(pod: Any) -> str:
    """The node that a daemon's affinity names."""
    affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", ())
    return next((field["values"][0] for term in terms for field in term.get("matchFields", ())), "")


@asynccontextmanager
async def lab(*names_: str, report: Report = running, nodes: int = 0, **settings: Any) -> AsyncIterator[Lab]:
    """A laboratory with these controllers; `nodes` of them are objects of the API too."""
    async with controllers(*names_, **settings) as world:
        it = Lab(world, Client.from_config(world.api.client_config(), user_agent="user"), report)
        for node in NODES[:nodes]:
            await it.post("/api/v1/nodes", {"metadata": {"name": node}})
            await it.patch(f"/api/v1/nodes/{node}", {"spec": {"taints": None}}, "merge")  # new nodes are not ready yet
        task = asyncio.create_task(it.work())
        try:
            yield it
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await it.user.close()


async def status_endpoints(it: Lab, path: str) -> None:
    """Reads a workload's status, puts a condition in by update and by patch, and sees it again; the spec stays."""
    before = await it.get(f"{path}/status")
    folder, _, called = path.rpartition("/")
    version = before["metadata"]["resourceVersion"]
    query = {"fieldSelector": f"metadata.name={called}", "resourceVersion": version}
    async with it.world.api.watch(folder, **query) as watch:
        told = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}

        def change(one: Any) -> None:
            one["status"].setdefault("conditions", []).append(dict(told))
            one["spec"]["replicas"] = 7

        updated = await it.update(path, change, "/status")
        assert (condition(updated, "StatusUpdate") or {}).items() >= told.items()
        await _seen(watch, "StatusUpdate")
        patch = {"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}}
        patched = await it.patch(f"{path}/status", patch, "merge")
        assert [one["type"] for one in patched["status"]["conditions"]] == ["StatusPatched"]
        await _seen(watch, "StatusPatched")
    after = await it.get(path)
    assert condition(after, "StatusPatched") and after["spec"] == before["spec"]


async def _seen(watch: Any, type_: str) -> None:
    while (event := await watch.next()) is not None:
        if condition(event["object"], type_):
            return
    raise AssertionError(f"the watch ended without {type_}")
