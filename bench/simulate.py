"""Workloads on simulated nodes: `python -m bench.simulate [deployment daemonset jobs hold lost] [--nodes N] [--store sqlite]`.

What: API server, controllers, scheduler and `kubelite simulate`, each a process of its own (TLS, client certificates, RBAC,
admission, the store). Scenarios: `deployment` (1 000 replicas), `daemonset` (one pod a node), `jobs` (1 000 Jobs of one
pod), `hold` (5 000 nodes with 100 000 pods: memory of each process), `lost` (on what `hold` has: a tenth of the nodes dies
at once, and writes are counted until all replicas are Ready again). Prints seconds, the CPU time and memory of each process,
and the requests that the API server got. Why: goals are 10 s, 10 s, 30 s; 1.5 GB for the API server and 1 GB each for
controllers and scheduler; and no storm of writes. Flow: processes → nodes → objects through the client → their status →
/proc and /metrics. CPU time and requests say what a row costs when neighbours stretch its seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.held import cpu, memory
from bench.scheduler import write_kubeconfig
from bench.serving import free_port, make_keys, start_etcd, start_server, wait_for
from bench.simulate_store import fill

DEFAULT = ("deployment", "daemonset", "jobs")
PLAIN = ("--leader-elect=false", "--healthz-bind-address=")
QUIET_SECONDS = 20.0
PODS = "10.128.0.0/10"
"""Pod addresses for more than the 256 nodes of the default range."""
SETTLING_SECONDS = 15
"""For so long after the loss was noticed, sets that do not know it yet may still call themselves complete."""
TOLERATION = 10
"""Seconds for which pods of `hold` stay on a node that is not ready."""


@dataclass
class Place:
    """The processes by name."""

    directory: pathlib.Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *words: str) -> None:
        argv = [sys.executable, "-m", "kubelite.cmd.main", *words, f"--kubeconfig={self.directory}/kubeconfig"]
        log = open(self.directory / f"{name}.log", "wb")  # noqa: SIM115 - the process holds it
        self.processes[name] = subprocess.Popen(argv, stdout=log, stderr=log)

    def control(self) -> None:
        """Starts the controllers."""
        self.start("controllers", "controller-manager", f"--cluster-cidr={PODS}", *PLAIN)

    def usage(self) -> dict[str, tuple[float, float]]:
        """CPU seconds so far and megabytes of each."""
        return {name: (cpu(p.pid), memory(p.pid)) for name, p in self.processes.items() if p.poll() is None}


@contextlib.contextmanager
def place(store: str, pods: int, nodes: list[str]) -> Iterator[Place]:
    """An API server, controllers and a scheduler, over a store that has these pods on these nodes."""
    from kubelite.util import tls

    made = Place(pathlib.Path(tempfile.mkdtemp(prefix="kubelite-simulate-")))
    try:
        make_keys(made.directory)
        etcd = ""
        if store == "etcd":
            made.processes["etcd"], etcd = start_etcd(made.directory)
        if pods:
            body = template("hold", TOLERATION, terminationGracePeriodSeconds=1)
            asyncio.run(fill(etcd or f"sqlite://{made.directory}/state.db", pods, nodes, body))
        port = free_port()
        made.processes["apiserver"] = start_server(made.directory, port, etcd, store)
        wait_for(port, made.processes["apiserver"], 300)  # it reads all that is stored before it listens
        authority = tls.Authority.load_or_create(made.directory / "ca.crt", made.directory / "ca.key", "bench-ca")
        write_kubeconfig(made.directory, port, authority.issue_client("bench", ["system:masters"]))
        if not pods:
            made.control()
        made.start("scheduler", "scheduler", *PLAIN)
        yield made
    finally:
        for process in reversed(made.processes.values()):
            process.kill() if process is not made.processes.get("etcd") else process.terminate()
            process.wait(15)
        shutil.rmtree(made.directory, ignore_errors=True)


class Api:
    """What the scenarios ask of the API server, over the project's own client."""

    def __init__(self, directory: pathlib.Path) -> None:
        from kubelite.client.client import Client
        from kubelite.client.config import load_kubeconfig

        self.client = Client.from_config(load_kubeconfig(f"{directory}/kubeconfig"), user_agent="bench", patience=30)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        import msgspec

        data = msgspec.json.encode(body) if body is not None else b""
        headers = {"Content-Type": "application/json"} if data else None
        answer = await self.client.request(method, path, body=data, headers=headers)
        return msgspec.json.decode(answer.body)

    async def revision(self) -> int:
        """The store's revision: it grows by one with each write."""
        return int(
            (await self.ask("GET", "/api/v1/namespaces/default/configmaps?limit=1"))["metadata"]["resourceVersion"]
        )

    async def requests(self) -> Counter[str]:
        """Requests so far by verb and resource, but for the heartbeats of nodes."""
        answer = await self.client.request("GET", "/metrics")
        found: Counter[str] = Counter()
        for line in answer.body.decode().splitlines():
            if line.startswith("apiserver_request_total{"):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
                name = "/".join(labels[part] for part in ("resource", "subresource") if labels[part])
                if name != "leases":
                    found[f"{labels['verb']} {name}"] += int(float(line.rsplit(" ", 1)[1]))
        return found

    async def until(self, check: Callable[[], Awaitable[bool]], seconds: float = 1800) -> float:
        """Seconds until it is true."""
        started = time.perf_counter()
        while not await check():
            if time.perf_counter() - started > seconds:
                raise SystemExit("gave up waiting")
            await asyncio.sleep(0.1)
        return time.perf_counter() - started


def template(label: str, toleration: int = 0, **spec: Any) -> dict[str, Any]:
    resources = {"requests": {"cpu": "100m", "memory": "64Mi"}}
    pod: dict[str, Any] = {"containers": [{"name": "app", "image": "app:1", "resources": resources}], **spec}
    if toleration:
        kinds = ("not-ready", "unreachable")
        common = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": toleration}
        pod["tolerations"] = [{"key": f"node.kubernetes.io/{kind}", **common} for kind in kinds]
    return {"metadata": {"labels": {"app": label}}, "spec": pod}


def workload(name: str, **spec: Any) -> dict[str, Any]:
    body = {"selector": {"matchLabels": {"app": name}}, "template": template(name), **spec}
    return {"metadata": {"name": name}, "spec": body}


APPS = "/apis/apps/v1/namespaces/default"
JOBS = "/apis/batch/v1/namespaces/default/jobs"


async def deployment(api: Api, count: int) -> float:
    """Seconds until all replicas are Ready."""
    await api.ask("POST", f"{APPS}/deployments", workload("web", replicas=count))

    async def ready() -> bool:
        found = await api.ask("GET", f"{APPS}/deployments/web")
        return bool(found["status"].get("readyReplicas") == count)

    return await api.until(ready)


async def daemonset(api: Api, count: int) -> float:
    """Seconds until each node has its pod Ready."""
    await api.ask("POST", f"{APPS}/daemonsets", workload("agent"))

    async def ready() -> bool:
        found = await api.ask("GET", f"{APPS}/daemonsets/agent")
        return bool(found["status"].get("numberReady") == count)

    return await api.until(ready)


async def jobs(api: Api, count: int) -> float:
    """Seconds until all have succeeded, from the first creation on."""
    from kubelite.api.batch.job import JOB
    from kubelite.client.informer import Informer

    done: Informer[Any] = Informer(api.client, JOB, field_selector="status.successful=1", metadata_only=True)
    watching = asyncio.create_task(done.run())
    await done.synced()
    started = time.perf_counter()
    numbers = iter(range(count))
    spec = template("job", restartPolicy="Never")
    spec["metadata"]["annotations"] = {"kubelite.io/simulate-run-for": "1s"}

    async def creator() -> None:
        for number in numbers:
            await api.ask("POST", JOBS, {"metadata": {"name": f"job-{number}"}, "spec": {"template": spec}})

    await asyncio.gather(*(creator() for _ in range(8)))

    async def complete() -> bool:
        return len(done.list()) == count

    await api.until(complete)
    watching.cancel()
    return time.perf_counter() - started


def tell(before: Counter[str], after: Counter[str], units: int) -> None:
    """Prints what was asked of the API server for each unit."""
    each = ((name, count / units) for name, count in (after - before).most_common() if count >= units / 50)
    print("  requests each: " + ", ".join(f"{name} {count:.2f}" for name, count in each), flush=True)


def show(title: str, seconds: float, before: dict[str, Any], after: dict[str, Any], units: int) -> None:
    print(f"\n{title}: {seconds:.1f} s", flush=True)
    print(f"  {'process':<14}{'CPU':>9}{'CPU each':>12}{'memory':>10}{'growth each':>14}")
    for name, (seconds_now, size) in after.items():
        spent, old = seconds_now - before.get(name, (0, 0))[0], before.get(name, (0, 0))[1]
        each, growth = spent / units * 1e3, (size - old) / units * 1024
        print(f"  {name:<14}{spent:>7.1f} s{each:>9.2f} ms{size:>7.0f} MB{growth:>11.1f} KB", flush=True)


async def simulated_nodes(api: Api, expected: int) -> list[Any]:
    await asyncio.sleep(max(0.2, expected / 2000))
    found: list[Any] = (await api.ask("GET", "/api/v1/nodes?labelSelector=kubelite.io/simulated=true"))["items"]
    return found


async def joined(api: Api, made: Place, *wanted: tuple[str, int], heartbeat: str = "10s") -> float:
    """Seconds until the nodes, so many of each prefix, are there and ready for pods."""
    total = sum(count for _, count in wanted)
    for prefix, count in wanted:
        words = ("--nodes", str(count), "--name", prefix, "--heartbeat", heartbeat)
        made.start(f"simulate-{prefix}", "simulate", *words)

    async def registered() -> bool:
        return len(await simulated_nodes(api, total)) == total

    async def usable() -> bool:
        specs = [node["spec"] for node in await simulated_nodes(api, total)]
        return not any(spec.get("taints") or not spec.get("podCIDR") for spec in specs)

    seconds = await api.until(registered, 900)
    if "controllers" not in made.processes:
        made.control()  # they would take the pods of nodes that are not there yet for lost
    return seconds + await api.until(usable, 900)


async def hold(api: Api, made: Place, nodes: int, pods: int) -> None:
    """Joins the nodes of pods that are there already, then looks at memory, and at CPU in quiet times."""
    before = made.usage()
    seconds = await joined(api, made, ("hold", nodes - nodes // 10), ("doomed", nodes // 10), heartbeat="20s")
    await api.until(lambda: settled(api))
    show(f"hold: {nodes} nodes with {pods} pods", seconds, before, made.usage(), pods)
    before, first, asked = made.usage(), await api.revision(), await api.requests()
    await asyncio.sleep(QUIET_SECONDS)
    rate = (await api.revision() - first) / QUIET_SECONDS
    show(f"hold: quiet, {rate:.0f} writes/s", QUIET_SECONDS, before, made.usage(), pods)
    tell(asked, await api.requests(), nodes)


def held_nodes(count: int) -> list[str]:
    doomed = count // 10
    return [f"hold-{i}" for i in range(count - doomed)] + [f"doomed-{i}" for i in range(doomed)]


async def lacking(api: Api) -> int:
    """How many replicas of the ReplicaSets are not Ready."""
    found = (await api.ask("GET", f"{APPS}/replicasets"))["items"]
    return sum(item["spec"]["replicas"] - item["status"].get("readyReplicas", 0) for item in found)


async def settled(api: Api) -> bool:
    return await lacking(api) == 0


async def is_lost(api: Api) -> bool:
    """Whether the controllers have noticed."""
    node = await api.ask("GET", "/api/v1/nodes/doomed-0")
    return any(taint["key"] == "node.kubernetes.io/unreachable" for taint in node["spec"].get("taints", []))


async def lost(api: Api, made: Place, pods: int, most: float) -> None:
    """A tenth of the nodes dies; the writes of each second until the replicas stand elsewhere, `most` seconds long."""
    before, started = made.usage(), time.perf_counter()
    process = made.processes.pop("simulate-doomed")
    process.kill()
    process.wait(15)
    rates: list[int] = []
    last, noticed, missing = await api.revision(), 0.0, 0
    while (passed := time.perf_counter() - started) < most:
        await asyncio.sleep(1.0)
        now = await api.revision()
        rates.append(now - last)
        last = now
        if len(rates) % 5 == 0:
            noticed = noticed or (passed if await is_lost(api) else 0.0)
            missing = await lacking(api)
            if noticed and passed > noticed + SETTLING_SECONDS and not missing:
                break
    show("lost: a tenth of the nodes", time.perf_counter() - started, before, made.usage(), max(1, pods // 10))
    print(f"  noticed after {noticed:.0f} s; {missing} replicas are not Ready at the end")
    print(f"  writes/s: mean {sum(rates) / len(rates):.0f}, highest {max(rates)}, of each ten seconds the highest:")
    print("  " + " ".join(str(max(rates[start : start + 10])) for start in range(0, len(rates), 10)), flush=True)


async def run(made: Place, chosen: argparse.Namespace) -> None:
    api = Api(made.directory)
    simple = {"deployment": deployment, "daemonset": daemonset, "jobs": jobs}
    if any(name in simple for name in chosen.scenarios):
        before = made.usage()
        seconds = await joined(api, made, ("node", chosen.nodes))
        show(f"{chosen.nodes} nodes usable", seconds, before, made.usage(), chosen.nodes)
    for name in chosen.scenarios:
        if name in simple:
            before, asked = made.usage(), await api.requests()
            count = chosen.nodes if name == "daemonset" else 1000
            seconds = await simple[name](api, count)
            show(f"{name} of {count}", seconds, before, made.usage(), count)
            tell(asked, await api.requests(), count)
    if "hold" in chosen.scenarios or "lost" in chosen.scenarios:
        await hold(api, made, chosen.hold_nodes, chosen.hold_pods)
    if "lost" in chosen.scenarios:
        await lost(api, made, chosen.hold_pods, chosen.lost_seconds)
    await api.client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "scenarios", nargs="*", default=DEFAULT, metavar="SCENARIO", help="deployment, daemonset, jobs, hold, lost"
    )
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--hold-nodes", type=int, default=5000)
    parser.add_argument("--hold-pods", type=int, default=100_000)
    parser.add_argument("--lost-seconds", type=float, default=2400, help="how long to look at most after a loss")
    parser.add_argument("--store", choices=("sqlite", "etcd"), default="sqlite")
    chosen = parser.parse_args()
    # A killed benchmark still ends the processes it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"store {chosen.store}; load of the machine before: {os.getloadavg()[0]:.1f}")
    wanted = bool({"hold", "lost"} & set(chosen.scenarios))
    with place(chosen.store, chosen.hold_pods if wanted else 0, held_nodes(chosen.hold_nodes)) as made:
        asyncio.run(run(made, chosen))


if __name__ == "__main__":
    main()
