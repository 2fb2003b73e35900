"""What `whatif` foretells is what a whole control plane then does: random clusters, random questions, virtual time.

What: `python -m tests.simulation.foretell --cases 300` asks, does the same for real, waits until nobody writes any more, and
compares where every pod is. Flow: boot (API server, all controllers, scheduler, simulated kubelets) → workloads (worlds.py) →
`whatif snapshot` → the action through the API, drains by `kubelite drain` → rest → `Forecast` on the snapshot. Choices between
equally good nodes are those that the scheduler made; pods of one workload stand for one another, as only their names differ.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import os
import pathlib
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from kubelite.cli.failures import CliError
from kubelite.cli.flags import Parsed
from kubelite.cli.main import execute
from kubelite.cli.session import Session, Streams
from kubelite.cmd.questions import asking, snapshot
from kubelite.cmd.questions.whatif import Options
from kubelite.controllers.daemonset.nodes import target_of
from kubelite.scheduler.forecast import Forecast
from kubelite.scheduler.pods import Pod, pod_info
from tests.simulation import worlds
from tests.simulation.api import Api
from tests.simulation.cluster import HOSTS, Cluster, client_of
from tests.simulation.kubelet import Machine, kubelet
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import Network, Weather
from tests.simulation.simulation import Base, in_loop
from tests.simulation.store import copy_of
from tests.simulation.truth import Object, Truth, condition, is_over

REST, PATIENCE = 130.0, 1500.0
"""Virtual seconds without a write after which nothing more is expected, and how long that may take."""
TIMING = "depends on timing"
SPACE = worlds.SPACE


def group_of(kind: str, labels: dict[str, str], pod: str) -> str:
    """Pods of one group stand for one another: those of a workload, unless each has a name of its own."""
    return f"{kind}/{labels.get('name')}" if kind not in ("", "StatefulSet") else pod


def _group(pod: Object) -> str:
    return _group_of_info(pod_info(msgspec.convert(pod, Pod)))


def _group_of_info(info: Any) -> str:
    meta = info.pod.metadata
    owner = next((one for one in meta.ownerReferences if one.controller), None)
    found = group_of(owner.kind if owner else "", meta.labels, meta.name.removesuffix("-again"))
    return f"{found} for {target_of(info.pod)}" if found.startswith("DaemonSet/") else found


@dataclass
class Seen:
    """What really happened: where pods of each group are, in which order they came, what they were promised."""

    places: dict[str, Counter[str]] = field(default_factory=dict)
    arrivals: list[str] = field(default_factory=list)
    promises: dict[str, list[str]] = field(default_factory=dict)


class Case:
    """One question to one cluster."""

    def __init__(self, base: Base, seed: int, loop: VirtualLoop) -> None:
        self.seed, self.loop, self.rng, self.base = seed, loop, Random(f"foretold:{seed}"), base
        loop.network = Network(Weather(Random(seed)), lambda text: None)
        self.truth, self.seen = Truth(loop.time, lambda text: None), Seen()
        store = copy_of(base.store)
        store.observer = self._see
        self.cluster = Cluster(store, loop.network, base.folder, Random(seed), lambda text: None)
        host = HOSTS[0]
        self.cluster.add_api_server(host, several=False)
        self.cluster.add_manager("manager", host)
        self.cluster.add_scheduler("scheduler", host)
        self.machines = [Machine(f"node-{n}", f"zone-{n % 2}", str(seed)) for n in range(self.rng.randint(2, 5))]
        for machine in self.machines:
            machine.slowness = 0.02
            self.cluster.add(machine.name, lambda process, m=machine: kubelet(m, client_of(host, m.name)))  # type: ignore[misc]
        self.watching = False
        self.api = Api(client_of(host, "people"))
        self.flags = ["--kubeconfig", base.folder.kubeconfig(host), "-n", SPACE]

    def _see(self, event: Any) -> None:
        before = {
            key: pod.get("status", {}).get("nominatedNodeName", "") for key, pod in self.truth.objects["pods"].items()
        }
        self.truth.see(event)
        if not self.watching or "/pods/" not in event.key:
            return
        for key, pod in self.truth.objects["pods"].items():
            if key not in before:
                self.seen.arrivals.append(_group(pod))
            promise = pod.get("status", {}).get("nominatedNodeName", "")
            if promise and promise != before.get(key):
                self.seen.promises.setdefault(_group(pod), []).append(promise)

    async def run(self) -> str:
        """What differs; "" if the forecast was right, TIMING if it did not commit itself."""
        await self._boot()
        await worlds.build(self.api, self.rng, [machine.name for machine in self.machines])
        await self._settle()
        taken = await self._ask("whatif", "snapshot")
        act = worlds.action(self.rng, self.machines, self.truth)
        self.watching = True
        await self._do(act)
        await self._settle()
        for pod in self.truth.of("pods", SPACE):
            if not is_over(pod):
                self.seen.places.setdefault(_group(pod), Counter())[pod["spec"].get("nodeName", "")] += 1
        await self.cluster.stop()
        return self._compare(taken, act)

    async def _boot(self) -> None:
        self.cluster.revive(f"apiserver-{HOSTS[0]}")
        await self.cluster.ready()
        for name in self.cluster.components:
            self.cluster.revive(name)
        while not self._nodes_are_ready():  # noqa: ASYNC110
            await asyncio.sleep(1)

    def _nodes_are_ready(self) -> bool:
        nodes = self.truth.of("nodes")
        ready = [one for one in nodes if condition(one, "Ready") == "True" and not one["spec"].get("taints")]
        return len(ready) == len(self.machines)

    async def _rest(self) -> None:
        """Until nobody writes any more."""
        self.truth.busy_since = began = self.loop.time()
        while self.loop.time() - self.truth.busy_since < REST:
            await asyncio.sleep(1)
            assert self.loop.time() < began + PATIENCE, "the cluster does not come to rest"

    async def _settle(self) -> None:
        """As `_rest`, with controllers that a quota has refused asking again at once, not after a thousand seconds."""
        await self._rest()
        pods = -1
        while self.truth.of("resourcequotas", SPACE) and pods != len(self.truth.of("pods", SPACE)):
            pods = len(self.truth.of("pods", SPACE))
            for resource in ("replicasets", "statefulsets", "daemonsets"):
                for one in self.truth.of(resource, SPACE):
                    note = {"metadata": {"annotations": {"foretold/look": str(self.loop.time())}}}
                    await self.api.patch(resource, note, SPACE, one["metadata"]["name"])
            await self._rest()

    async def _ask(self, *words: str) -> bytes:
        out, err = io.StringIO(), io.StringIO()
        code = await execute([*words, *self.flags], Streams(out, err, io.BytesIO(b"")))
        assert code == 0, err.getvalue()
        return out.getvalue().encode()

    async def _do(self, act: worlds.Action) -> None:
        """The action for real."""
        for resource, body in act.objects:
            await self.api.create(resource, body, SPACE)
        if act.kind == "drain":
            words = ["drain", act.node, "--ignore-daemonsets", "--force", "--delete-emptydir-data", "--timeout=300s"]
            await execute([*words, *self.flags], Streams(io.StringIO(), io.StringIO(), io.BytesIO(b"")))
        elif act.kind == "lose":
            self.cluster.crash(act.node)
            await self.api.delete("nodes", "", act.node)
        elif act.kind == "taint":
            await self.api.patch("nodes", {"spec": {"taints": act.taints}}, "", act.node)
        elif act.kind == "quota":
            body = {"spec": {"hard": act.hard}}
            await self.api.patch("resourcequotas", body, SPACE, "q")

    # the forecast

    def _compare(self, taken: bytes, act: worlds.Action) -> str:
        hard = tuple(f"{name}={amount}" for name, amount in act.hard.items())
        opts = Options((act.node or "q",), snapshot="taken", hard=hard)
        session = Session(Parsed({"namespace": SPACE}, [], frozenset()), Streams(io.StringIO(), io.StringIO()))
        question = asking.Question(opts, session, snapshot.load(taken, "taken"))
        forecast = self._forecast(question, act)
        result = forecast.run()
        if result.depends_on_timing or question.makers.contended:
            return TIMING
        places: dict[str, Counter[str]] = {}
        for info, node in self._all(forecast):
            places.setdefault(_group_of_info(info), Counter())[node] += 1
        wrong = [
            f"{group} is on {_shown(real)}, not {_shown(foretold)}"
            for group in sorted({*places, *self.seen.places})
            if (real := self.seen.places.get(group, Counter())) != (foretold := places.get(group, Counter()))
        ]
        return f"case {self.seed}, {act.kind} {act.node}: {'; '.join(wrong)}" if wrong else ""

    def _forecast(self, question: asking.Question, act: worlds.Action) -> Forecast:
        new = [self._manifest(resource, body) for resource, body in act.objects]
        pods: list[Object] = []
        if act.kind == "quota":
            question.admission.quotas.change(SPACE, "q", act.hard, {})
            lacking = [one | {"kind": "Pod"} for one in question.makers.lacking(SPACE)]
            first = self._arrival(len(self.seen.arrivals))
            pods = question.admitted(sorted(lacking, key=lambda one: first(_group(one))))
            if question.admission.refused:
                question.makers.note_contention(lacking)
        elif act.kind == "apply":
            question.add(new)
            pods = question.admitted(new)
        forecast = Forecast(question.simulation, self._choose, self._choose_room, question.makers, question.makers.more)
        self._now = forecast
        if act.kind in ("drain", "lose"):
            getattr(forecast, act.kind)(act.node)
        elif act.kind == "taint":
            worlds.foretell_taints(forecast, act)
            if act.removed:
                pods = question.admitted([one | {"kind": "Pod"} for one in question.makers.daemons(act.node)])
        if act.kind in ("lose", "taint"):
            for info in question.makers.unwanted(act.node, gone=act.kind == "lose"):
                forecast.drop(info, "")
        forecast.apply(pods)
        place = self._arrival(-1)
        forecast.waiting.sort(key=lambda info: place(_group_of_info(info)))
        return forecast

    @staticmethod
    def _manifest(resource: str, body: Object) -> Object:
        kind, version = worlds.KINDS[resource]
        return {"apiVersion": version, "kind": kind, **body}

    def _arrival(self, never: int) -> Any:
        """The place of the next pod of a group among those that really came; `never` for one that did not."""
        turns: dict[str, list[int]] = {}
        for number, group in enumerate(self.seen.arrivals):
            turns.setdefault(group, []).append(number)

        def key(group: str) -> int:
            mine = turns.get(group, [])
            return mine.pop(0) if mine else never

        return key

    def _all(self, forecast: Forecast) -> list[tuple[Any, str]]:
        table = forecast.simulation.world.nodes
        found = [
            (info, table.names[at]) for at, pods in enumerate(table.pods) for info in pods.values() if table.names[at]
        ]
        return found + [(info, "") for info in forecast.waiting]

    def _choose(self, info: Any, equal: Sequence[str]) -> str:
        group = _group_of_info(info)
        left = Counter(self.seen.places.get(group, Counter()))
        left.subtract(node for other, node in self._all(self._now) if _group_of_info(other) == group and node)
        return next((node for node in equal if left[node] > 0), equal[0])

    def _choose_room(self, info: Any, equal: Sequence[str]) -> str:
        promised = self.seen.promises.get(_group_of_info(info), [])
        return next((promised.pop(at) for at, node in enumerate(promised) if node in equal), equal[0])


def _shown(places: Counter[str]) -> str:
    return ", ".join(f"{number} x {node or 'pending'}" for node, number in sorted(places.items())) or "nothing"


def foretold(base: Base, seed: int) -> str:
    """One case; what differs."""

    async def work(loop: VirtualLoop) -> str:
        return await Case(base, seed, loop).run()

    try:
        found: str = in_loop(f"foretold:{seed}", work)
    except (AssertionError, CliError, TimeoutError) as error:
        return f"case {seed}: {type(error).__name__}: {error}"
    return found


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.foretell")
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    wrong = timing = 0
    with tempfile.TemporaryDirectory(prefix="kubelite-foretold-") as folder:
        base = Base(pathlib.Path(folder))
        for seed in range(options.first, options.first + options.cases):
            reader, writer = os.pipe()
            child = os.fork()  # what a run leaves in the memory of modules must not reach the next
            if not child:
                os.write(writer, foretold(base, seed).encode()[:60000])
                os._exit(0)
            os.close(writer)
            with os.fdopen(reader) as told:
                found = told.read()
            failed = os.waitpid(child, 0)[1] != 0
            timing += found == TIMING
            if failed or found not in ("", TIMING):
                wrong += 1
                print(found or f"case {seed} ended badly", flush=True)
            if (seed + 1) % 20 == 0:
                print(f"... up to case {seed}: {wrong} wrong, {timing} {TIMING}", flush=True)
    print(f"{options.cases} cases: {options.cases - wrong - timing} right, {timing} {TIMING}, {wrong} wrong")
    return int(wrong > options.cases // 100)
