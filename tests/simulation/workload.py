"""Simulated people: they create, change, scale, roll out, evict and delete, without knowing what goes wrong below.

What: `People.run` draws one action after the other from the seed. Why: control loops are tried by what users do at
the wrong moment. Each request goes to some API server; what fails is simply not repeated, except for ConfigMaps: what
was acknowledged of them is remembered in `acknowledged`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from kubelite.client.errors import ConnectionFailed
from kubelite.machinery.errors import StatusError
from tests.simulation import manifests
from tests.simulation.api import Api
from tests.simulation.mix import Mix
from tests.simulation.placement import owner_kind
from tests.simulation.truth import Truth

SPACES = ("alpha", "beta", "gamma")
Action = Callable[[Api, str], Awaitable[None]]


class People:
    """All users of a cluster, as one."""

    def __init__(self, apis: list[Api], truth: Truth, mix: Mix, seed: str, note: Callable[[str], None]) -> None:
        self._apis, self._truth, self._mix = apis, truth, mix
        self.rng = Random(f"{seed}:people")
        self._note = note
        self._number = 0
        self.acknowledged: dict[str, str] = {}
        self.done = 0

    async def prepare(self) -> None:
        """Namespaces, of which one has a quota of pods, and one of CPU; classes; disks."""
        api, rng = self._apis[0], self.rng
        for space in SPACES:
            await api.create("namespaces", {"metadata": {"name": space}})
        await api.create("resourcequotas", manifests.quota("q", pods=str(rng.randint(8, 14))), "beta")
        await api.create("limitranges", manifests.limits(), "gamma")
        await api.create("resourcequotas", manifests.quota("q", requests_cpu=f"{rng.randint(10, 30)}00m"), "gamma")
        if self._mix.priorities:
            await api.create("priorityclasses", manifests.urgent())
        if self._mix.volumes:
            for one in manifests.storage_classes():
                await api.create("storageclasses", one)
            for number in range(6):
                await api.create("persistentvolumes", manifests.volume(number, f"node-{number % 4}"))

    async def run(self, until: float) -> None:
        """One action after the other until the virtual second `until`."""
        loop = asyncio.get_running_loop()
        actions: list[tuple[int, Action]] = [
            (10, self.create),
            (8, self.scale),
            (8, self.roll_out),
            (6, self.evict),
            (3, self.delete_pod),
            (2, self.relabel_pod),
            (2, self.suspend),
            (3, self.delete_owner),
            (4, self.write_note),
            (2, self.pause),
        ]
        actions += [(3, self.drain), (2, self.uncordon)] if self._mix.drains else []
        actions += [(2, self.delete_claim)] if self._mix.volumes else []
        for kind in ("deployment", "statefulset", "job", "daemonset"):
            await self._try(lambda api, space, kind=kind: self.create(api, space, kind))  # type: ignore[misc]
        while loop.time() < until:
            await asyncio.sleep(self.rng.expovariate(1 / 2.5))
            action = self.rng.choices([one for _, one in actions], [weight for weight, _ in actions])[0]
            await self._try(action)

    async def _try(self, action: Action) -> None:
        api, space = self.rng.choice(self._apis), self.rng.choice(SPACES)
        try:
            async with asyncio.timeout(20):
                await action(api, space)
            self.done += 1
        except (StatusError, ConnectionFailed, TimeoutError) as error:
            self._note(f"people: {action.__name__} {type(error).__name__}")

    def _some(self, resource: str, space: str) -> dict[str, Any] | None:
        found = [one for one in self._truth.of(resource, space) if not one["metadata"].get("deletionTimestamp")]
        return self.rng.choice(found) if found else None

    async def create(self, api: Api, space: str, kind: str = "") -> None:
        kind = kind or self.rng.choice(
            ("deployment", "deployment", "statefulset", "job", "job", "cronjob", "daemonset")
        )
        if len(self._truth.of(f"{kind}s", space)) > 2:
            return
        self._number += 1
        name = f"{kind[:3]}{self._number}"
        mix, body = self._mix, getattr(manifests, kind)(name, self.rng)
        manifests.dress(kind, body, self.rng, volumes=mix.volumes, priorities=mix.priorities, defaults=space == "gamma")
        await api.create(f"{kind}s", body, space)
        if kind in ("deployment", "statefulset") and self.rng.random() < 0.6:
            least = self.rng.randint(1, 2)
            await api.create("poddisruptionbudgets", manifests.budget(name, least), space)

    async def scale(self, api: Api, space: str) -> None:
        resource = self.rng.choice(("deployments", "statefulsets"))
        found = self._some(resource, space)
        if found is not None:
            spec = {"spec": {"replicas": self.rng.randint(0, 6)}}
            await api.patch(resource, spec, space, found["metadata"]["name"])

    async def roll_out(self, api: Api, space: str) -> None:
        resource = self.rng.choice(("deployments", "statefulsets", "daemonsets"))
        found = self._some(resource, space)
        if found is not None:
            version = {"simulation/version": str(self.rng.randint(1, 4))}
            body = {"spec": {"template": {"metadata": {"annotations": version}}}}
            await api.patch(resource, body, space, found["metadata"]["name"])

    async def pause(self, api: Api, space: str) -> None:
        found = self._some("deployments", space)
        if found is not None:
            paused = not found["spec"].get("paused", False)
            await api.patch("deployments", {"spec": {"paused": paused}}, space, found["metadata"]["name"])

    async def evict(self, api: Api, space: str) -> None:
        """Several pods at once, as a drain does."""
        pods = [pod for pod in self._truth.of("pods", space) if pod["spec"].get("nodeName")]
        for pod in self.rng.sample(pods, min(len(pods), self.rng.randint(1, 4))):
            await self._evict(api, pod)

    async def _evict(self, api: Api, pod: dict[str, Any]) -> None:
        meta = {name: pod["metadata"][name] for name in ("name", "namespace")}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
        try:
            await api.create("pods", body, meta["namespace"], meta["name"], "eviction")
        except StatusError:
            return

    async def drain(self, api: Api, space: str) -> None:
        """Closes a node and evicts what runs there, a second time what was refused."""
        node = self._some("nodes", "")
        if node is None:
            return
        name = node["metadata"]["name"]
        await api.patch("nodes", {"spec": {"unschedulable": True}}, "", name)
        for wait in (3, 0):
            for pod in self._truth.of("pods"):
                if pod["spec"].get("nodeName") == name and owner_kind(pod) != "DaemonSet":
                    await self._evict(api, pod)
            await asyncio.sleep(wait)

    async def uncordon(self, api: Api, space: str) -> None:
        for node in self._truth.of("nodes"):
            if node["spec"].get("unschedulable"):
                await api.patch("nodes", {"spec": {"unschedulable": None}}, "", node["metadata"]["name"])

    async def delete_claim(self, api: Api, space: str) -> None:
        """A claim that may be in use: it stays while it is."""
        found = self._some("persistentvolumeclaims", space)
        if found is not None:
            await api.delete("persistentvolumeclaims", space, found["metadata"]["name"])

    async def delete_pod(self, api: Api, space: str) -> None:
        found = self._some("pods", space)
        if found is not None:
            await api.delete("pods", space, found["metadata"]["name"])

    async def relabel_pod(self, api: Api, space: str) -> None:
        """Takes a pod away from its owner; it stays, and its owner makes another."""
        found = self._some("pods", space)
        kinds = [ref["kind"] for ref in (found or {}).get("metadata", {}).get("ownerReferences", ())]
        if found is None or {"Job", "StatefulSet"} & set(kinds):  # whose pods cannot be replaced while they are there
            return
        now = found["metadata"].get("labels", {}).get("app", "")
        wanted = now.removeprefix("lost-") if now.startswith("lost-") else f"lost-{now}"
        await api.patch("pods", {"metadata": {"labels": {"app": wanted}}}, space, found["metadata"]["name"])

    async def suspend(self, api: Api, space: str) -> None:
        found = self._some("jobs", space)
        if found is not None:
            suspended = not found["spec"].get("suspend", False)
            await api.patch("jobs", {"spec": {"suspend": suspended}}, space, found["metadata"]["name"])

    async def delete_owner(self, api: Api, space: str) -> None:
        resource = self.rng.choice(("deployments", "statefulsets", "jobs", "daemonsets", "cronjobs"))
        found = self._some(resource, space)
        if found is not None:
            how = self.rng.choice(("Background", "Foreground", "Background", "Orphan"))
            await api.delete(resource, space, found["metadata"]["name"], propagationPolicy=how)

    async def write_note(self, api: Api, space: str) -> None:
        """A ConfigMap; once its writing was acknowledged, it must be there at the end."""
        self._number += 1
        name, text = f"note{self._number}", str(self.rng.random())
        await api.create("configmaps", {"metadata": {"name": name}, "data": {"text": text}}, space)
        self.acknowledged[f"{space}/{name}"] = text

    async def settle(self) -> None:
        """Nothing stays paused, suspended or closed."""
        await self.uncordon(self._apis[0], "")
        for space in SPACES:
            for found in self._truth.of("deployments", space):
                if found["spec"].get("paused"):
                    await self._apis[0].patch(
                        "deployments", {"spec": {"paused": False}}, space, found["metadata"]["name"]
                    )
            for resource in ("jobs", "cronjobs"):
                for found in self._truth.of(resource, space):
                    wanted = resource == "cronjobs"
                    if bool(found["spec"].get("suspend")) != wanted:
                        body = {"spec": {"suspend": wanted}}
                        await self._apis[0].patch(resource, body, space, found["metadata"]["name"])

    def check(self) -> None:
        """What was acknowledged is there."""
        for key, text in self.acknowledged.items():
            found = self._truth.objects["configmaps"].get(key)
            if found is None or found["data"]["text"] != text:
                self._truth.violated(f"the ConfigMap {key} was acknowledged and is lost")
