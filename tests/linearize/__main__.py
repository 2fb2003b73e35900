"""`python -m tests.linearize --minutes 5`: does nothing acknowledged get lost while servers and etcd members are killed?

What: three etcd members, two API servers, 30 clients and a few watchers; kill -9 at random; then the check. Out: a table;
exit code 1 if any key's history has no order that explains it, a write is missing from etcd, or a watcher missed something.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import pathlib
import sys
import tempfile
import time
from collections import Counter
from random import Random

from kubelite.storage.etcd import EtcdStore
from kubelite.storage.interface import StoreError
from tests.fuzz.client import Broken, Client, Hung
from tests.fuzz.process import ServerProcess
from tests.linearize.checker import mistakes
from tests.linearize.clients import NAMESPACE, Field, Register, Watcher
from tests.linearize.etcd import EtcdCluster
from tests.linearize.history import Operation
from tests.linearize.streams import Change, gaps

CLIENTS, SERVERS, WATCHERS = 30, 2, 6
PREFIX = f"/registry/configmaps/{NAMESPACE}/"
FLAGS = ("--compaction-interval-seconds=100000", "--request-timeout-seconds=6")


async def chaos(etcd: EtcdCluster, servers: list[ServerProcess], shared: Field, kills: Counter[str]) -> None:
    """Kills one thing after the other and starts it again; a majority of etcd is rarely lost, and not for long."""
    random = Random(f"{shared.seed}:chaos")
    while not shared.stop.is_set():
        await asyncio.sleep(random.uniform(1.0, 4.0))
        draw = random.random()
        if draw < 0.55:
            victims = random.sample(range(3), 2 if draw < 0.08 else 1)
            for number in victims:
                etcd.kill(number)
                kills["etcd member"] += 1
            await asyncio.sleep(random.uniform(0.2, 3.0))
            for number in victims:
                etcd.start_member(number)
        else:
            server = random.choice(servers)
            server.kill()
            kills["API server"] += 1
            await asyncio.sleep(random.uniform(0.0, 1.0))
            server.launch()
        await asyncio.sleep(random.uniform(0.5, 2.0))


async def prepare(port: int) -> None:
    """The namespace of the keys."""
    client = Client(port)
    body = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}).encode()
    for _ in range(100):
        try:
            answer = await client.send("POST", "/api/v1/namespaces", {"content-type": "application/json"}, body)
        except (Broken, Hung):
            answer = None
        if answer is not None and answer.status in (201, 409):
            client.close()
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the namespace cannot be made")


async def truth(endpoints: list[str], start: int) -> list[Change]:
    """What etcd itself says happened to the keys after a revision."""
    store = await EtcdStore.open(endpoints)
    found: list[Change] = []
    try:
        for _ in range(200):
            try:
                end = await store.revision()
                break
            except StoreError:
                await asyncio.sleep(0.1)
        last = start
        async with asyncio.timeout(120):
            async for batch in store.watch("/registry/", start):
                for event in batch.events:
                    last = event.revision
                    if event.key.startswith(PREFIX):
                        value = json.loads(event.value)["data"]["v"] if event.value else ""
                        found.append(Change(event.revision, event.key.removeprefix(PREFIX), value))
                if last >= end:
                    break
    finally:
        await store.close()
    return found


def lost(history: list[Operation], real: list[Change]) -> list[str]:
    """Acknowledged writes that etcd does not know."""
    written = {(change.revision, change.key, change.value) for change in real}
    return [
        f"lost: {one}"
        for one in history
        if one.outcome == "done"
        and one.action in ("create", "update")
        and (one.revision, one.key, one.value) not in written
    ]


async def run(minutes: float, seed: int, folder: pathlib.Path) -> int:
    """One run; the exit code."""
    etcd = EtcdCluster(folder)
    servers: list[ServerProcess] = []
    kills: Counter[str] = Counter()
    try:
        etcd.start()
        servers = [ServerProcess(folder, *FLAGS, etcd=",".join(etcd.endpoints)) for _ in range(SERVERS)]
        for server in servers:
            await asyncio.to_thread(server.start)
        shared = Field([server.port for server in servers], seed)
        await prepare(shared.ports[0])
        over = asyncio.Event()
        watchers = [Watcher(shared, number) for number in range(WATCHERS)]
        watching = [asyncio.create_task(one.run(over)) for one in watchers]
        tasks = [asyncio.create_task(Register(shared, number).run()) for number in range(CLIENTS)]
        breaking = asyncio.create_task(chaos(etcd, servers, shared, kills))
        await asyncio.wait([breaking, *tasks], timeout=minutes * 60, return_when=asyncio.FIRST_EXCEPTION)
        shared.stop.set()
        await asyncio.gather(*tasks, breaking)
        for number in etcd.down():
            etcd.start_member(number)
        for server in servers:
            if not server.alive:
                server.launch()
        start = min((segment.start for segment in shared.segments), default=0)
        await asyncio.sleep(5)
        real = await truth(etcd.endpoints, 1)
        over.set()
        await asyncio.gather(*watching)
        return report(shared, watchers, real, kills, start)
    finally:
        for server in servers:
            server.kill()
        etcd.stop()


def report(shared: Field, watchers: list[Watcher], real: list[Change], kills: Counter[str], start: int) -> int:
    """Prints the table; the exit code."""
    began = time.perf_counter()
    outcomes = Counter((one.action, one.outcome) for one in shared.history)
    for (action, outcome), count in sorted(outcomes.items()):
        print(f"{action:<8} {outcome:<10} {count:>8}")
    print(f"not carried out     {shared.refused:>8}")
    for what, count in sorted(kills.items()):
        print(f"kill -9  {what:<12}{count:>6}")
    print(f"keys                {len({one.key for one in shared.history}):>8}")
    anew = sum(one.relists for one in watchers)
    events = sum(len(segment.changes) for segment in shared.segments)
    print(f"watch events        {events:>8} in {len(shared.segments)} segments, {anew} times listed anew")
    found = mistakes(shared.history) + lost(shared.history, real)
    found += [text for segment in shared.segments if (text := gaps(segment, real))]
    last = real[-1].revision if real else 0
    behind = [one.name for one in watchers if not any(s.watcher == one.name and s.end >= last for s in shared.segments)]
    found += [f"{name} did not reach the end" for name in behind]
    print(
        f"checked in {time.perf_counter() - began:.1f} s: {'linearizable, nothing lost, no gaps' if not found else 'WRONG'}"
    )
    for text in found[:40]:
        print(f"  {text}")
    return int(bool(found) or not shared.history)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.linearize")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kubelite-linearize-") as folder:
        return asyncio.run(run(options.minutes, options.seed, pathlib.Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
