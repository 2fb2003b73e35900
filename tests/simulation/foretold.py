"""What `whatif` foretells is what a whole control plane then does: random clusters, random questions, virtual time.

What: `python -m tests.simulation.foretell --cases 300` asks, does the same for real, waits until nobody writes any more, and
compares where every pod is. Flow: boot (API server, all controllers, scheduler, simulated kubelets) → workloads (worlds.py) →
`whatif snapshot` → the action through the API, drains by `kubelite drain` → rest → compared.py: the question's forecast on the
snapshot. `--keep FOLDER` keeps what happened, so that another forecast can be compared with it soon.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import os
import pathlib
import pickle
import sys
import tempfile
import traceback
from collections import Counter
from random import Random
from typing import Any

import msgspec

from kubelite.cli.failures import CliError
from kubelite.cli.main import execute
from kubelite.cli.session import Streams
from kubelite.scheduler.queue import LONGEST_WAIT
from tests.simulation import worlds
from tests.simulation.api import Api
from tests.simulation.cluster import HOSTS, Cluster, client_of
from tests.simulation.compared import DECLARED, ORDER, RIGHT, WRONG, Record, Verdict, compare, tell
from tests.simulation.kubelet import Machine, kubelet
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import Network, Weather
from tests.simulation.simulation import Base, in_loop
from tests.simulation.store import copy_of
from tests.simulation.truth import Truth, condition
from tests.simulation.witness import Seen

REST, PATIENCE = 20.0, 1500.0
"""Virtual seconds without a write after which nothing more is expected, and how long that may take."""
LONGER = {"taint": 10.0 + worlds.LONGEST, "lose": 100.0}
"""As `REST`, after questions of a kind: tolerated taints; orphans of lost nodes, which are only looked for now and then."""
OVERDUE = LONGEST_WAIT + 10.0
"""As `REST` where pods wait: the scheduler tries them again now and then, which shows what no event has told it."""
SPACE = worlds.SPACE


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
            machine.slowness, machine.flapping = 0.02, 0.0  # nobody can foretell that a pod is not ready for a moment
            self.cluster.add(machine.name, lambda process, m=machine: kubelet(m, client_of(host, m.name)))  # type: ignore[misc]
        self.watching = False
        self.api = Api(client_of(host, "people"))
        self.flags = ["--kubeconfig", base.folder.kubeconfig(host), "-n", SPACE]

    def _see(self, event: Any) -> None:
        self.truth.see(event)
        if self.watching and "/pods/" in event.key:
            self.seen.see(self.truth.objects["pods"], self.loop.time())

    async def run(self) -> Record:
        """Builds, asks, does."""
        await self._boot()
        await worlds.build(self.api, self.rng, [machine.name for machine in self.machines])
        await self._settle()
        taken = await self._ask("whatif", "snapshot")
        act = worlds.action(self.rng, self.machines, self.truth)
        self.seen.begin(self.truth.objects["pods"])
        self.watching = True
        await self._do(act)
        await self._settle(LONGER.get(act.kind, REST))
        self.seen.end(self.truth.objects["pods"])
        await self.cluster.stop()
        return Record(self.seed, act, taken, self.seen)

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

    async def _rest(self, quiet: float) -> None:
        """Until nobody writes any more."""
        self.truth.busy_since = began = self.loop.time()
        while self.loop.time() - self.truth.busy_since < quiet:
            await asyncio.sleep(1)
            assert self.loop.time() < began + PATIENCE, "the cluster does not come to rest"

    async def _settle(self, quiet: float = REST) -> None:
        """As `_rest`, with controllers that a quota has refused asking again at once, not after a thousand seconds."""
        await self._rest(quiet)
        pods = -1
        while self.truth.of("resourcequotas", SPACE) and pods != len(self.truth.of("pods", SPACE)):
            pods = len(self.truth.of("pods", SPACE))
            for resource in ("replicasets", "statefulsets", "daemonsets"):
                for one in self.truth.of(resource, SPACE):
                    note = {"metadata": {"annotations": {"foretold/look": str(self.loop.time())}}}
                    await self.api.patch(resource, note, SPACE, one["metadata"]["name"])
            await self._rest(quiet)
        if any(not pod["spec"].get("nodeName") for pod in self.truth.of("pods", SPACE)):
            await self._rest(OVERDUE)

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


def happened(base: Base, seed: int) -> Record:
    """One case."""

    async def work(loop: VirtualLoop) -> Record:
        return await Case(base, seed, loop).run()

    record: Record = in_loop(f"foretold:{seed}", work)
    return record


def _case(base: Base, seed: int, keep: pathlib.Path | None, *, story: bool) -> Verdict:
    """Does it, unless it is known what happened, and compares."""
    kept = keep / f"{seed}.pickle" if keep is not None else None
    try:
        if kept is not None and kept.exists():
            record = pickle.loads(kept.read_bytes())
        else:
            record = happened(base, seed)
            if kept is not None:
                kept.write_bytes(pickle.dumps(record))
    except (AssertionError, CliError, TimeoutError) as error:
        return Verdict(WRONG, f"{type(error).__name__}: {error}")
    if story:
        tell(record)
    return compare(record)


def _apart(base: Base, seed: int, keep: pathlib.Path | None, *, story: bool) -> Verdict:
    """In a process of its own, as what a run leaves in the memory of modules must not reach the next."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        failed = 1
        try:
            os.write(writer, msgspec.json.encode(_case(base, seed, keep, story=story))[:60000])
            failed = 0
        except Exception:  # noqa: BLE001 - the parent counts the case as wrong
            traceback.print_exc()
        finally:  # nothing of the parent's may be cleared away
            sys.stdout.flush()
            os._exit(failed)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        found = told.read()
    if os.waitpid(child, 0)[1] != 0 or not found:
        return Verdict(WRONG, "the case ended badly")
    return msgspec.json.decode(found, type=Verdict)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.foretell")
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument(
        "--keep", type=pathlib.Path, help="a folder for what happens; what it has is only compared anew"
    )
    parser.add_argument("--story", action="store_true", help="tell what happened in each case")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="kubelite-foretold-") as folder:
        base = Base(pathlib.Path(folder))
        for seed in range(options.first, options.first + options.cases):
            verdict = _apart(base, seed, options.keep, story=options.story)
            counts[verdict.kind] += 1
            kinds[verdict.action] += 1
            if verdict.text:
                print(f"case {seed}, {verdict.kind}: {verdict.text}", flush=True)
            if (seed + 1) % 20 == 0:
                print(f"... up to case {seed}: {_summary(counts)}", flush=True)
    asked = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    print(f"{options.cases} cases ({asked}): {_summary(counts)}")
    uncertain = counts[ORDER] + counts[DECLARED]
    return int(counts[WRONG] > options.cases // 100 or uncertain > max(2, options.cases // 10))


def _summary(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[kind]} {kind}" for kind in (RIGHT, ORDER, DECLARED, WRONG))
