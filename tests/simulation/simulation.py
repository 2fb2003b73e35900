"""One run: a cluster, people, faults, rules; all from one seed.

What: `simulate(seed)` returns an `Outcome`. Flow: boot → nodes → people and adversary for some minutes → faults stop
→ everything must settle and come to rest → final checks. The minutes are virtual.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import importlib
import pathlib
from dataclasses import dataclass, field
from random import Random

from kubelite.storage.memory import MemoryStore
from tests.simulation import determinism
from tests.simulation.api import Api
from tests.simulation.cluster import HOSTS, Cluster, Folder, client_of
from tests.simulation.dependents import CronRuns, Dependents, Storms
from tests.simulation.faults import Adversary
from tests.simulation.jobrule import JobCounts
from tests.simulation.kubelet import Machine, kubelet
from tests.simulation.leaders import OneLeader
from tests.simulation.loop import VirtualLoop
from tests.simulation.mix import Mix
from tests.simulation.network import Network, Weather
from tests.simulation.placement import ClosedNodes, DaemonPods, Victims
from tests.simulation.rules import Budget, NodeRoom, OneIdentity, OneOwner, Quota, ReplicaCount, Surge
from tests.simulation.settled import open_questions
from tests.simulation.store import ObservedMemory, copy_of
from tests.simulation.truth import Truth
from tests.simulation.volumes import Volumes
from tests.simulation.workload import People

NODES = 4
SETTLE_SECONDS = 4000.0
"""Longer than three of the longest back-offs: who was refused by a quota comes back only then."""
REST_SECONDS = 30.0


@dataclass
class Outcome:
    """What a run has shown."""

    seed: str
    violations: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    writes: int = 0
    actions: int = 0
    virtual: float = 0.0
    settled: float = 0.0
    cpu: float = 0.0
    """Real seconds of the processor."""
    trace: str = ""
    """A digest of everything that was sent and written."""


class Trace:
    """What happened, as lines: kept if wanted, hashed anyway."""

    def __init__(self, keep: pathlib.Path | None) -> None:
        self.digest = hashlib.sha256()
        self._file = keep.open("w") if keep is not None else None

    def add(self, text: str) -> None:
        line = f"{asyncio.get_running_loop().time():.6f} {text}\n"
        self.digest.update(line.encode())
        if self._file is not None:
            self._file.write(line)

    def close(self) -> str:
        """The digest."""
        if self._file is not None:
            self._file.close()
        return self.digest.hexdigest()


class Base:
    """What all runs of a process share: files, a store in which a cluster has been started once, and warm modules."""

    def __init__(self, folder: pathlib.Path) -> None:
        determinism.begin("base", lambda: 0.0)
        self.folder = Folder(folder)
        self.store: MemoryStore = in_loop("base", lambda loop: self._boot(loop))
        gc.collect()
        gc.freeze()  # the children that run seeds leave these pages alone

    async def _boot(self, loop: VirtualLoop) -> MemoryStore:
        store = ObservedMemory()
        loop.network = Network(Weather(Random(0)), lambda text: None)
        cluster = Cluster(store, loop.network, self.folder, Random(0), lambda text: None)
        cluster.add_api_server(HOSTS[0], several=False)
        cluster.revive(f"apiserver-{HOSTS[0]}")
        await cluster.ready()
        await asyncio.sleep(5)
        first = copy_of(store)
        await self._warm(cluster, loop)
        await cluster.stop()
        return first

    async def _warm(self, cluster: Cluster, loop: VirtualLoop) -> None:
        """Uses what runs will use, so that modules, decoders and patterns are there before the first fork."""
        truth = Truth(loop.time, lambda text: None)
        assert isinstance(cluster.store, ObservedMemory)
        cluster.store.observer = truth.see
        cluster.add_manager("manager", HOSTS[0])
        cluster.add_scheduler("scheduler", HOSTS[0])
        machine = Machine("node-0", "zone-0", "base")
        cluster.add("node-0", lambda process: kubelet(machine, client_of(HOSTS[0], "node-0")))
        for name in cluster.components:
            cluster.revive(name)
        mix = Mix(1, 1, 1, 2, volumes=True, priorities=True, drains=True, manager_settings={})
        machine.capacity = mix.capacity
        people = People([Api(client_of(HOSTS[0], "people"))], truth, mix, "base", lambda text: None)
        await people.prepare()
        await asyncio.sleep(10)
        await people.run(loop.time() + 40)
        importlib.import_module("numpy.ma")  # which `numpy.unique` asks for when it is first called


def in_loop(seed: str, work):  # type: ignore[no-untyped-def]
    """Runs `work(loop)` on a virtual loop of its own."""
    loop = VirtualLoop()
    determinism.begin(seed, loop.time)
    asyncio.set_event_loop(loop)
    gc.disable()
    collect, gc.collect = gc.collect, lambda generation=2: 0
    try:
        return loop.run_until_complete(work(loop))
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(1))
        asyncio.set_event_loop(None)
        loop.close()
        gc.collect = collect


def simulate(base: Base, seed: str, trouble: float, trace: pathlib.Path | None = None) -> Outcome:
    """One run with faults for `trouble` virtual seconds."""

    async def run(loop: VirtualLoop) -> Outcome:
        return await Simulation(base, seed, loop, trace).run(trouble)

    began = determinism.cpu_seconds()
    outcome: Outcome = in_loop(seed, run)
    outcome.cpu = determinism.cpu_seconds() - began
    return outcome


class Simulation:
    """The parts of a run."""

    def __init__(self, base: Base, seed: str, loop: VirtualLoop, trace: pathlib.Path | None) -> None:
        self.seed, self.loop = seed, loop
        self.trace = Trace(trace)
        note = self.trace.add
        rng = Random(f"{seed}:shape")
        self.weather = Weather(Random(f"{seed}:weather"))
        self.network = loop.network = Network(self.weather, note)
        self.truth = Truth(loop.time, note)
        store = copy_of(base.store)
        store.observer = self.truth.see
        self.cluster = Cluster(store, self.network, base.folder, Random(f"{seed}:store"), note)
        self.machines = [Machine(f"node-{number}", f"zone-{number % 2}", seed) for number in range(NODES)]
        self.mix = Mix.draw(seed)
        self._assemble(rng)
        self._rules()
        apis = [Api(client_of(host, "people")) for host in self.hosts]
        self.people = People(apis, self.truth, self.mix, seed, note)
        self.adversary = Adversary(self.cluster, self.weather, self.machines, seed)

    def _assemble(self, rng: Random) -> None:
        mix = self.mix
        self.hosts = HOSTS[: mix.servers]
        for host in self.hosts:
            self.cluster.add_api_server(host, several=mix.servers > 1)
        for name, host in zip(("a", "b")[: mix.managers], (self.hosts[0], self.hosts[-1]), strict=False):
            self.cluster.add_manager(f"manager-{name}", host, **mix.manager_settings)
        for name, host in zip(("a", "b")[: mix.schedulers], (self.hosts[-1], self.hosts[0]), strict=False):
            self.cluster.add_scheduler(f"scheduler-{name}", host)
        for machine in self.machines:
            machine.slowness = rng.choice((1.0, 1.0, 5.0))
            machine.capacity = mix.capacity
            host = rng.choice(self.hosts)
            self.cluster.add(
                machine.name,
                lambda process, m=machine, h=host: kubelet(m, client_of(h, m.name)),  # type: ignore[misc]
            )

    def _rules(self) -> None:
        truth = self.truth
        count = ReplicaCount(truth)
        counts = self.weather.counts
        count.unknown = lambda: sum(counts[name] for name in ("lost after", "silence after", "504 after"))
        leaders, self.storms = OneLeader(truth), Storms(truth)
        self.network.on_request = leaders.sent
        rules = [OneOwner(truth), Surge(truth), count, OneIdentity(truth, self.machines), NodeRoom(truth)]
        rules += [Quota(truth), Budget(truth), JobCounts(truth), leaders, self.storms]
        rules += [Dependents(truth), CronRuns(truth), DaemonPods(truth, count.unknown)]
        truth.rules = [*rules, Volumes(truth), ClosedNodes(truth), Victims(truth)]

    async def run(self, trouble: float) -> Outcome:
        """From the first process to the last check."""
        for name in self.cluster.components:
            if name.startswith("apiserver"):
                self.cluster.revive(name)
        await self.cluster.ready()
        for name in self.cluster.components:
            self.cluster.revive(name)
        settled = 0.0
        story = asyncio.create_task(self._story(trouble))
        while not story.done() and not self.storms.raging:  # a storm would not end before its virtual minutes have
            await asyncio.wait((story,), timeout=1)
        if story.done():
            settled = story.result()
        story.cancel()
        outcome = Outcome(self.seed, self.truth.violations, dict(self.weather.counts), self.network.requests)
        outcome.writes, outcome.actions = self.truth.writes, self.people.done
        outcome.settled, outcome.virtual = settled, self.loop.time()
        await self.cluster.stop()
        outcome.trace = self.trace.close()
        return outcome

    async def _story(self, trouble: float) -> float:
        """What happens once everything runs; the seconds that it took to settle."""
        await self.people.prepare()
        await asyncio.sleep(20)
        end = self.loop.time() + trouble
        await asyncio.gather(self.people.run(end), self.adversary.run(end))
        self.adversary.stop()
        return await self._settle()

    async def _settle(self) -> float:
        """Waits until all is as wanted and nobody writes any more; the seconds that took."""
        began = self.loop.time()
        await asyncio.sleep(20)
        await self.people.settle()
        while self.loop.time() < began + SETTLE_SECONDS:
            await asyncio.sleep(5)
            if self.loop.time() - self.truth.busy_since > REST_SECONDS and not open_questions(self.truth, NODES):
                for rule in self.truth.rules:
                    rule.at_end()
                self.people.check()
                return self.loop.time() - began
        for question in open_questions(self.truth, NODES)[:5] or ["somebody goes on writing"]:
            self.truth.violated(f"does not settle: {question}")
        return self.loop.time() - began
