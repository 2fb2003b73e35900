"""Questions about a large cluster: `python -m bench.questions [--nodes 5000] [--pods 5000] [--times 5]`.

What: seconds of whole commands, the start of Python and the reading through the API included: `why` of a pod that runs and of one
that fits nowhere, `whatif` for 100 new pods and for a drain. Prints median, worst, and the CPU time of the command. Why: the
goals are 1 s for `why` with 5 000 pods and 2 s for `whatif` with 100 pods on 5 000 nodes. Flow: nodes and pods are put into the
store directly → the server starts → commands, one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from bench.held import ready, stored
from bench.serving import client_context, free_port, make_keys, start_server, wait_for
from kubelite.storage.registry import open_store

AT_ONCE = 64
UNPLACED = 5
"""Pods without node among those of the cluster."""


def node(number: int) -> bytes:
    amounts = {"cpu": "32", "memory": "64Gi", "pods": "110"}
    labels = {"kubernetes.io/hostname": f"node-{number}", "topology.kubernetes.io/zone": f"zone-{number % 3}"}
    conditions = [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]
    made = {
        "metadata": {"name": f"node-{number}", "uid": f"node-{number}", "labels": labels},
        "apiVersion": "v1",
        "kind": "Node",
        "spec": {},
        "status": {"capacity": amounts, "allocatable": amounts, "conditions": conditions},
    }
    return json.dumps(made, separators=(",", ":")).encode()


def unplaced(number: int) -> bytes:
    made: dict[str, Any] = json.loads(stored(number, 1))
    del made["spec"]["nodeName"]
    made["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "64"}}
    return json.dumps(made, separators=(",", ":")).encode()


async def fill(address: str, pods: int, nodes: int) -> None:
    """Puts nodes and pods into the store, without a server."""
    store = await open_store(address)
    work = [(f"/registry/minions/node-{number}", node(number)) for number in range(nodes)]
    for number in range(pods):
        body = unplaced(number) if number < UNPLACED else stored(number, nodes)
        work.append((f"/registry/pods/bench/{json.loads(body)['metadata']['name']}", body))
    items = iter(work)

    async def worker() -> None:
        for key, body in items:
            await store.create(key, body)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    await store.close()


def kubeconfig(directory: pathlib.Path, port: int) -> str:
    def at(name: str) -> str:
        return str(directory / name)

    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": at("ca.crt")}
    user = {"client-certificate": at("admin.crt"), "client-key": at("admin.key")}
    context = {"cluster": "bench", "user": "bench", "namespace": "bench"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": cluster}],
        "users": [{"name": "bench", "user": user}],
        "contexts": [{"name": "bench", "context": context}],
    }
    path = directory / "kubeconfig"
    path.write_text(json.dumps(config))
    return str(path)


def manifests(directory: pathlib.Path, count: int) -> str:
    container = {
        "name": "c",
        "image": "example.test/c:1",
        "resources": {"requests": {"cpu": "500m", "memory": "256Mi"}},
    }
    template = {"metadata": {"labels": {"app": "new"}}, "spec": {"containers": [container]}}
    spec = {"replicas": count, "selector": {"matchLabels": {"app": "new"}}, "template": template}
    path = directory / "new.json"
    path.write_text(
        json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "new"}, "spec": spec})
    )
    return str(path)


def timed(words: list[str], config: str, times: int) -> tuple[list[float], list[float], int]:
    """(seconds of each run, seconds of CPU time, the exit code)."""
    walls, cpus, code = [], [], 0
    # As people run it: what was compiled once is kept.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(times):
        began = time.perf_counter()
        command = [sys.executable, "-m", "kubelite.cmd.main", *words]
        child = subprocess.Popen(command, env=environment | {"KUBECONFIG": config}, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = code = os.waitstatus_to_exitcode(status)
        walls.append(time.perf_counter() - began)
        cpus.append(used.ru_utime + used.ru_stime)
    return walls, cpus, code


def questions(directory: pathlib.Path, config: str, nodes: int) -> list[tuple[str, list[str], int]]:
    """(what, command line, the exit code that it must have)."""
    names = [json.loads(stored(number, nodes))["metadata"]["name"] for number in (0, UNPLACED)]
    new = manifests(directory, 100)
    return [
        ("version --client, for comparison", ["version", "--client"], 0),
        ("why, a pod that has a node", ["why", f"pod/{names[1]}"], 1),
        ("why, a pod that fits nowhere", ["why", f"pod/{names[0]}"], 1),
        ("whatif apply, 100 pods", ["whatif", "apply", "-f", new], 1),
        ("whatif drain", ["whatif", "drain", "node-1"], 1),
    ]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--pods", type=int, default=5000)
    parser.add_argument("--times", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory, port = pathlib.Path(name), free_port()
        make_keys(directory)
        asyncio.run(fill(f"sqlite://{directory}/state.db", args.pods, args.nodes))
        server = start_server(directory, port, "", "sqlite")
        try:
            wait_for(port, server)
            asyncio.run(ready(port, client_context(directory)))
            config, wrong = kubeconfig(directory, port), 0
            print(f"{args.nodes} nodes, {args.pods} pods; seconds of a whole command\n")
            print(f"{'QUESTION':36} {'MEDIAN':>7} {'WORST':>7} {'CPU':>7}")
            for what, words, expected in questions(directory, config, args.nodes):
                found, cpu, code = timed(words, config, args.times)
                wrong |= code != expected
                row = f"{what:36} {statistics.median(found):7.2f} {max(found):7.2f} {statistics.median(cpu):7.2f}"
                print(row + ("" if code == expected else "  WRONG"), flush=True)
            return int(wrong)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
