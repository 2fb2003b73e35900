"""`kubelite why` and `kubelite whatif` on a real cluster: faults that a real node makes, and a drain that is asked about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Cluster, eventually
from tests.e2e.workbench import Bench, container, pod, service, workbench

FOREVER = "trap 'exit 0' TERM; sleep 1000 & wait"
FAILS = {"exec": {"command": ["test", "-f", "/none"]}, "periodSeconds": 1}
SMALL = {"limits": {"memory": "16Mi"}}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "none",
        "resources": {"requests": {"storage": "1Gi"}},
    },
}


def held(made: dict[str, Any]) -> dict[str, Any]:
    return {**made, "metadata": {**made["metadata"], "finalizers": ["example.test/keep"]}}


def faults() -> list[dict[str, Any]]:
    absent = {"name": "main", "image": "127.0.0.1:1/absent:1"}
    return [
        pod("no-image", absent),
        pod("crashes", container("main", "echo no database; exit 3")),
        pod("not-ready", container("main", FOREVER, readinessProbe=FAILS), labels={"name": "front"}),
        service("front", {"port": 80}),
        service("nobody", {"port": 80}, selector={"name": "frnt"}),
        pod("hungry", container("main", "x=aaaaaaaa; while true; do x=$x$x; done", resources=SMALL)),
        CLAIM,
        pod(
            "unbound",
            container("main", FOREVER),
            volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}],
        ),
        held(pod("held", container("main", "exit 0"), restartPolicy="Never")),
    ]


@pytest.fixture(scope="module")
def bench(cluster: Cluster) -> Iterator[Bench]:
    with workbench(cluster, "questions") as made:
        made.apply(*faults())
        made.run("delete", "pod", "held", "--wait=false")
        yield made
        made.run("patch", "pod", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}', check=False)


EXPECTED = [
    ("pod/no-image", "RegistryUnreachable", "connection refused"),
    ("pod/crashes", "Crashes", "no database"),
    ("pod/not-ready", "ReadinessProbeFails", "the probe: exec test -f /none"),
    ("pod/hungry", "OOMKilled", "limit of 16Mi"),
    ("pod/unbound", "StorageClassMissing", "none"),
    ("pvc/data", "StorageClassMissing", "none"),
    ("service/front", "ReadinessProbeFails", "not-ready"),
    ("service/nobody", "SelectorMatchesNothing", "frnt"),
    ("pod/held", "Finalizers", "example.test/keep"),
]


@pytest.mark.parametrize(("what", "cause", "words"), EXPECTED)
def test_why_names_the_cause_on_a_real_node(bench: Bench, what: str, cause: str, words: str) -> None:
    def asked() -> Any:
        done = bench.cluster.machine.kubelite("why", what, "-n", bench.namespace, "-o", "json", check=False)
        found = json.loads(done.stdout)
        return found if found["cause"] == cause and words in done.stdout else None

    answer = eventually(asked, 90, lambda: bench.cluster.kubelite("why", what, "-n", bench.namespace, check=False))
    assert answer["next"].startswith("kubelite ")


def test_whatif_foretells_a_drain_and_changes_nothing(bench: Bench) -> None:
    node = bench.cluster.get("nodes")["items"][0]["metadata"]["name"]
    before = bench.words()
    done = bench.cluster.machine.kubelite("whatif", "drain", node, check=False)
    assert f"{bench.namespace}/not-ready" in done.stdout
    assert "nobody makes it again" in done.stdout
    assert "To do it: kubelite drain" in done.stdout
    assert bench.words().keys() == before.keys()
    assert not bench.cluster.get("node", node)["spec"].get("unschedulable")
