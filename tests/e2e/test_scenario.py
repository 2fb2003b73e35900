"""The book's first application: a database and two web servers, from the manifests that its readers typed in."""

from __future__ import annotations

import pathlib
import re
import threading
import time
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Cluster, eventually
from tests.e2e.images import DATABASE, WEB_1, WEB_2
from tests.e2e.machine import call

MYSQL_RC = """
apiVersion: v1
kind: ReplicationController
metadata:
  name: mysql
spec:
  replicas: 1
  selector:
    app: mysql
  template:
    metadata:
      labels:
        app: mysql
    spec:
      containers:
      - name: mysql
        image: IMAGE
        ports:
        - containerPort: 3306
        env:
        - name: MYSQL_ROOT_PASSWORD
          value: "123456"
"""
MYSQL_SERVICE = """
apiVersion: v1
kind: Service
metadata:
  name: mysql
spec:
  ports:
    - port: 3306
  selector:
    app: mysql
"""
WEB_RC = """
apiVersion: v1
kind: ReplicationController
metadata:
  name: myweb
spec:
  replicas: 2
  selector:
    app: myweb
  template:
    metadata:
      labels:
        app: myweb
    spec:
      containers:
      - name: myweb
        image: IMAGE
        ports:
        - containerPort: 8080
"""
WEB_SERVICE = """
apiVersion: v1
kind: Service
metadata:
  name: myweb
spec:
  type: NodePort
  ports:
    - port: 8080
      nodePort: 30001
  selector:
    app: myweb
"""
ROLLING = f"""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replicas: 3
  selector:
    matchLabels: {{app: shop}}
  strategy:
    rollingUpdate: {{maxUnavailable: 0, maxSurge: 1}}
  template:
    metadata:
      labels: {{app: shop}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: web
        image: {WEB_1}
        ports: [{{containerPort: 8080}}]
        readinessProbe:
          httpGet: {{path: /, port: 8080}}
          periodSeconds: 1
        lifecycle:
          preStop:
            exec: {{command: [sleep, "3"]}}
---
apiVersion: v1
kind: Service
metadata:
  name: shop
spec:
  type: NodePort
  ports: [{{port: 80, targetPort: 8080, nodePort: 30002}}]
  selector: {{app: shop}}
"""


@pytest.fixture(scope="module")
def shop(cluster: Cluster) -> Iterator[Cluster]:
    cluster.apply(MYSQL_RC.replace("IMAGE", DATABASE))
    cluster.apply(MYSQL_SERVICE)
    cluster.apply(WEB_RC.replace("IMAGE", WEB_1))
    cluster.apply(WEB_SERVICE)
    cluster.ready("app=mysql", 1)
    cluster.ready("app=myweb", 2)
    yield cluster
    cluster.kubelite("delete", "rc,svc", "mysql", "myweb", "--ignore-not-found")


def url(cluster: Cluster, path: str = "/") -> str:
    return f"http://{cluster.machine.address}:30001{path}"


def test_web_pods_read_from_the_database_by_its_name(shop: Cluster) -> None:
    database = shop.pods("app=mysql")[0]["metadata"]["name"]
    names = {p["metadata"]["name"] for p in shop.pods("app=myweb")}
    seen = set()

    def both() -> bool:
        answer = shop.fetch(url(shop, "/cgi-bin/db"))
        assert answer.startswith(f"rows of {database} read by one "), answer
        seen.add(answer.split()[-1])
        return seen == names

    eventually(both, 30, lambda: seen)


def test_the_node_port_answers_from_other_machines(shop: Cluster) -> None:
    lan = shop.machine.lan.name
    answer = call("nsenter", f"--net=/run/netns/{lan}", "curl", "-sS", "-m", "5", url(shop)).stdout
    assert answer.startswith("one myweb-")


def test_a_killed_container_is_restarted(shop: Cluster) -> None:
    pod = shop.pods("app=myweb")[0]
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    before = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    shop.machine.run(
        "ctr", "-a", "/run/kubelite/containerd/containerd.sock", "-n", "k8s.io", "task", "kill", "-s", "9", before
    )

    def restarted() -> bool:
        now = shop.get("pod", name)
        status = now["status"]["containerStatuses"][0]
        return now["metadata"]["uid"] == uid and status["restartCount"] == 1 and status["ready"]

    eventually(restarted, 40, lambda: shop.kubelite("describe", "pod", name))
    last = shop.get("pod", name)["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert last["exitCode"] == 137
    assert shop.kubelite("logs", name, "--previous").startswith("web one listens on 8080")


def test_a_deleted_pod_is_replaced(shop: Cluster) -> None:
    victim = shop.pods("app=mysql")[0]["metadata"]["name"]
    assert f'pod "{victim}" deleted' in shop.kubelite("delete", "pod", victim)
    replacement = shop.ready("app=mysql", 1)[0]["metadata"]["name"]
    assert replacement != victim
    eventually(lambda: f"rows of {replacement}" in shop.fetch(url(shop, "/cgi-bin/db"), check=False), 20)


def test_scaling_to_five_and_back(shop: Cluster) -> None:
    assert "scaled" in shop.kubelite("scale", "rc", "myweb", "--replicas=5")
    pods = shop.ready("app=myweb", 5)
    names, seen = {p["metadata"]["name"] for p in pods}, set()

    def all_answer() -> bool:
        seen.add(shop.fetch(url(shop)).split()[-1])
        return seen == names

    eventually(all_answer, 40, lambda: names - seen)
    shop.kubelite("scale", "rc", "myweb", "--replicas=2")
    shop.ready("app=myweb", 2)


class Visitor(threading.Thread):
    """Asks for a page over and over, from another machine, and keeps what went wrong."""

    def __init__(self, cluster: Cluster, address: str) -> None:
        super().__init__(daemon=True)
        self.argv = ["nsenter", f"--net=/run/netns/{cluster.machine.lan.name}", "curl", "-sS", "-m", "5", address]
        self.answers: list[str] = []
        self.failures: list[str] = []
        self.leaving = threading.Event()

    def run(self) -> None:
        while not self.leaving.wait(0.02):
            done = call(*self.argv, check=False)
            (self.answers if done.returncode == 0 else self.failures).append(done.stdout.strip() or done.stderr.strip())


def test_rolling_to_a_second_image_and_back_fails_no_request(cluster: Cluster) -> None:
    cluster.apply(ROLLING)
    cluster.ready("app=shop", 3)
    address = f"http://{cluster.machine.address}:30002/"
    eventually(lambda: cluster.fetch(address, check=False).startswith("one shop-"), 20)
    visitor = Visitor(cluster, address)
    visitor.start()
    try:
        cluster.kubelite("set", "image", "deployment/shop", f"web={WEB_2}")
        rolled = cluster.kubelite("rollout", "status", "deployment/shop", "--timeout=120s")
        assert 'deployment "shop" successfully rolled out' in rolled
        eventually(lambda: visitor.answers[-1].startswith("two"), 10)
        history = cluster.kubelite("rollout", "history", "deployment/shop")
        assert re.search(r"^1\s", history, re.M)
        assert re.search(r"^2\s", history, re.M)
        cluster.kubelite("rollout", "undo", "deployment/shop")
        cluster.kubelite("rollout", "status", "deployment/shop", "--timeout=120s")
        eventually(lambda: visitor.answers[-1].startswith("one"), 10)
        time.sleep(0.5)
    finally:
        visitor.leaving.set()
        visitor.join()
        cluster.kubelite("delete", "deployment,service", "shop", "--wait=false")
    assert visitor.failures == []
    assert len(visitor.answers) > 50


def test_the_manifests_are_those_of_the_seed(shop: Cluster) -> None:
    """Where the seed manifests are at hand, they say the same as the ones above."""
    import yaml

    folder = pathlib.Path(__file__).resolve().parents[3] / "shared" / "seed-manifests"
    if not folder.is_dir():
        pytest.skip("the seed manifests are not beside this checkout")
    for name, text in (
        ("07-mysql-rc", MYSQL_RC),
        ("08-mysql-svc", MYSQL_SERVICE),
        ("09-myweb-rc", WEB_RC),
        ("10-myweb-svc", WEB_SERVICE),
    ):
        seed = yaml.safe_load((folder / f"{name}.yaml").read_text())
        ours = yaml.safe_load(text)
        for document in (seed, ours):
            for container in document["spec"].get("template", {}).get("spec", {}).get("containers", ()):
                del container["image"]
        assert ours == seed, name
