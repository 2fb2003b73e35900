"""A whole cluster on this machine: time to Ready, memory and CPU at rest, time from a pod's creation to Running.

What: starts a cluster in namespaces of its own, measures, takes it down. Why: these are the figures that a user feels first.
Run as root: `python -m bench.cluster`.
"""

from __future__ import annotations

import json
import pathlib
import statistics
import tempfile
import time

from tests.e2e import images
from tests.e2e.conftest import Cluster
from tests.e2e.machine import Lan, Machine

QUIET_SECONDS = 30
PODS = 20
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": ""},
    "spec": {
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "web", "image": images.WEB_1, "imagePullPolicy": "Never"}],
    },
}


def usage(machine: Machine) -> dict[str, tuple[int, int]]:
    """Our processes by title: (CPU ticks so far, resident bytes)."""
    found = {}
    for pid, title in machine.processes().items():
        if title.startswith("kubelite "):
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
            found[title] = (int(stat[11]) + int(stat[12]), pages * 4096)
    return found


def at_rest(machine: Machine) -> None:
    before = usage(machine)
    time.sleep(QUIET_SECONDS)
    after = usage(machine)
    print(f"\n{'process':<32}{'memory':>10}{'CPU of a core':>16}")
    for title in sorted(after):
        ticks = after[title][0] - before.get(title, after[title])[0]
        print(f"{title:<32}{after[title][1] / 1e6:>7.0f} MB{ticks / QUIET_SECONDS:>14.2f} %")
    ticks = sum(after[t][0] - before[t][0] for t in after if t in before)
    memory = sum(size for _, size in after.values())
    print(f"{'together':<32}{memory / 1e6:>7.0f} MB{ticks / QUIET_SECONDS:>14.2f} %")


WATCHER = """
import http.client, json, ssl, sys, time
from kubelite.cmd.cluster.api import AdminApi
pods, api, base = json.loads(sys.argv[1]), AdminApi(), "/api/v1/namespaces/default/pods"
times = []
for pod in pods:
    began = time.monotonic()
    status, answer = api.call("POST", base, pod)
    assert status == 201, answer
    name = pod["metadata"]["name"]
    while api.call("GET", f"{base}/{name}")[1]["status"].get("phase") != "Running":
        time.sleep(0.01)
    times.append(time.monotonic() - began)
print(json.dumps(times))
"""


def pod_start(cluster: Cluster) -> None:
    """One pod after the other, polled every 10 ms."""
    import sys

    pods = [{**POD, "metadata": {"name": f"bench-{number}"}} for number in range(PODS)]
    times = sorted(json.loads(cluster.machine.run(sys.executable, "-c", WATCHER, json.dumps(pods)).stdout))
    print(f"\n{'pod created → Running':<32}{'p50':>8}{'p90':>8}{'max':>8}")
    print(
        f"{PODS} pods, image present{'':<9}{statistics.median(times):>7.2f}s{times[int(PODS * 0.9)]:>7.2f}s{times[-1]:>7.2f}s"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Lan() as lan:
        tars = images.build(pathlib.Path(folder))
        machine = lan.machine("bench")
        print(machine.kubelite("up").stdout)
        machine.kubelite("down")
        print("second start:")
        print(machine.kubelite("up").stdout)
        machine.kubelite("image", "import", *map(str, tars))
        cluster = Cluster(machine)
        at_rest(machine)
        pod_start(cluster)


if __name__ == "__main__":
    main()
