"""Two nodes, each a machine with its own containerd; pods reach each other and services across them."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Cluster, eventually, start
from tests.e2e.machine import Lan

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: web, image: "kubelite.test/web:1", ports: [{containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
"""
GET = "exec 3<>/dev/tcp/{}/{}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; tail -n 1 <&3"


@pytest.fixture(scope="module")
def pair(tars: list[pathlib.Path]) -> Iterator[Cluster]:
    with Lan() as lan:
        pool = f"--load-balancer-pool=10.77.{lan.number}.200-10.77.{lan.number}.201"
        cluster = start(lan.machine("first"), tars, pool)
        second = lan.machine("second")
        bundle = second.disk / "second.tar"
        cluster.kubelite("node-bundle", "second", "--address", second.address, "--output", str(bundle))
        second.kubelite("up", "--join", str(bundle))
        cluster.kubelite("image", "import", *map(str, tars))
        cluster.kubelite("wait", "--for=condition=Ready", "node/second", "--timeout=60s")
        cluster.apply(WEB)
        cluster.ready("app=web", 4)
        yield cluster


def test_conformance_tests_should_have_at_least_two_untainted_nodes(pair: Cluster) -> None:
    """Two nodes are ready, take pods and have no taint that keeps pods away.

    [sig-architecture] Conformance Tests should have at least two untainted nodes [Conformance]
    """
    nodes = pair.get("nodes")["items"]
    ready = [one for one in nodes if {"Ready": "True"}.items() <= conditions(one).items()]
    free = [one for one in ready if not one["spec"].get("unschedulable") and not one["spec"].get("taints")]
    assert len(free) >= 2, nodes


def conditions(node: Any) -> dict[str, str]:
    return {one["type"]: one["status"] for one in node["status"]["conditions"]}


def test_pods_are_spread_and_reach_each_other_directly(pair: Cluster) -> None:
    pods = pair.ready("app=web", 4)
    by_node: dict[str, list[tuple[str, str]]] = {}
    for pod in pods:
        by_node.setdefault(pod["spec"]["nodeName"], []).append((pod["metadata"]["name"], pod["status"]["podIP"]))
    assert {node: len(found) for node, found in by_node.items()} == {"first": 2, "second": 2}
    for here, there in (("first", "second"), ("second", "first")):
        source, target = by_node[here][0], by_node[there][0]
        answer = pair.kubelite("exec", source[0], "--", "bash", "-c", GET.format(target[1], 8080))
        assert answer.strip() == f"one {target[0]}"


def test_a_service_reaches_pods_of_both_nodes_from_both(pair: Cluster) -> None:
    names = {p["metadata"]["name"] for p in pair.ready("app=web", 4)}
    for machine in pair.machine.lan.machines:
        seen: set[str] = set()

        def all_answer(address: str = machine.address, seen: set[str] = seen) -> bool:
            seen.add(pair.fetch(f"http://{address}:30080/").split()[-1])
            return seen == names

        eventually(all_answer, 40, lambda seen=seen: names - seen)  # type: ignore[misc]


def test_a_load_balancer_address_is_reached_from_the_network_of_the_nodes(pair: Cluster) -> None:
    pair.kubelite("expose", "deployment", "web", "--name=lb", "--port=80", "--target-port=8080", "--type=LoadBalancer")
    ip = ("get", "service", "lb", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}")
    eventually(lambda: pair.kubelite(*ip) == f"10.77.{pair.machine.lan.number}.200", 30)
    address = pair.kubelite(*ip)
    curl = ("curl", "-sS", "-m", "5", f"http://{address}/")
    for one in pair.machine.lan.machines:
        eventually(lambda one=one: one.run(*curl, check=False).stdout.startswith("one "), 30)  # type: ignore[misc]
    pair.kubelite("delete", "service", "lb")

    def gone() -> bool:
        return not any(
            address in one.run("ip", "-4", "address", "show", "dev", "lo").stdout for one in pair.machine.lan.machines
        )

    eventually(gone, 30)


def test_names_resolve_on_the_second_node(pair: Cluster) -> None:
    pod = next(p["metadata"]["name"] for p in pair.ready("app=web", 4) if p["spec"]["nodeName"] == "second")
    address = pair.get("service", "web")["spec"]["clusterIP"]
    assert pair.kubelite("exec", pod, "--", "getent", "hosts", "web").split()[0] == address
    assert pair.kubelite("exec", pod, "--", "bash", "-c", GET.format("web.default.svc.cluster.local", 80)).startswith(
        "one "
    )


def test_logs_come_from_both_nodes(pair: Cluster) -> None:
    for pod in pair.ready("app=web", 4):
        assert "listens on 8080" in pair.kubelite("logs", pod["metadata"]["name"])


def test_a_lost_node_is_noticed_and_its_pods_are_replaced(pair: Cluster) -> None:
    """Last of this file: it takes the second node away. The default of 300 s before eviction is shortened by the pod."""
    pair.kubelite(
        "patch",
        "deployment",
        "web",
        "-p",
        '{"spec":{"template":{"spec":{"tolerations":[{"key":"node.kubernetes.io/unreachable","operator":"Exists",'
        '"effect":"NoExecute","tolerationSeconds":2}]}}}}',
    )
    pair.kubelite("rollout", "status", "deployment/web", "--timeout=90s")
    second = pair.machine.lan.machines[1]
    second.run("ip", "link", "set", "eth0", "down")
    ready = ("get", "node", "second", "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}")
    eventually(lambda: pair.kubelite(*ready) == "Unknown", 90)
    taints = pair.kubelite("get", "node", "second", "-o", "jsonpath={.spec.taints[*].key}")
    assert "node.kubernetes.io/unreachable" in taints

    def replaced() -> bool:
        pods = pair.pods("app=web")
        return len(pods) == 4 and all(p["spec"]["nodeName"] == "first" for p in pods)

    eventually(replaced, 60, lambda: pair.kubelite("get", "pods", "-o", "wide"))
