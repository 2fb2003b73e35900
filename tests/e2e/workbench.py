"""What tests of single pods need: a namespace, manifests made in one line, and answers of the API and of the real kubectl.

What: `Bench` is one namespace of a cluster. Why: a test of a pod's behaviour should show the pod and the outcome, not how
either is fetched. Everything goes through the real kubectl, so that the node's streams are tested with it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.e2e.conftest import Cluster, eventually, kubectl
from tests.e2e.images import WEB_1

CTR = ("ctr", "-a", "/run/kubelite/containerd/containerd.sock", "-n", "k8s.io")


def container(name: str, script: str = "", **fields: Any) -> dict[str, Any]:
    """A container of the web image that runs a shell script instead of the web server."""
    command = {"command": ["sh", "-c", script]} if script else {}
    return {"name": name, "image": WEB_1, **command, **fields}


def pod(name: str, *containers: dict[str, Any], labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A pod that leaves within a second when asked to."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {"name": name}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": list(containers), **spec},
    }


def service(name: str, *ports: dict[str, Any], selector: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A Service; without a selector of its own it selects the pods of `pod(name)`."""
    wanted = {"name": name} if selector is None else selector
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": list(ports), **({"selector": wanted} if wanted else {}), **spec},
    }


@dataclass
class Bench:
    """A namespace of a cluster and the kubectl to work in it."""

    cluster: Cluster
    namespace: str
    version: int = 33

    def argv(self, *words: str) -> list[str]:
        return [kubectl(self.version), "--kubeconfig=/etc/kubelite/admin.kubeconfig", "-n", self.namespace, *words]

    def run(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """kubectl on the machine."""
        return self.cluster.machine.run(*self.argv(*words), **options)

    def open(self, *words: str, **options: Any) -> subprocess.Popen[bytes]:
        """kubectl on the machine, left running."""
        return subprocess.Popen(self.cluster.machine.argv(*self.argv(*words)), **options)

    def apply(self, *objects: dict[str, Any]) -> None:
        whole = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.run("apply", "-f", "-", stdin=json.dumps(whole))

    def get(self, kind: str, name: str) -> Any:
        return json.loads(self.run("get", kind, name, "-o", "json").stdout)

    def status(self, name: str) -> Any:
        return self.get("pod", name)["status"]

    def state(self, name: str, index: int = 0) -> Any:
        """The status of one container, {} before there is one."""
        return (self.status(name).get("containerStatuses") or [{}] * (index + 1))[index]

    def exec(self, name: str, *argv: str, **options: Any) -> str:
        return self.run("exec", name, "--", *argv, **options).stdout

    def logs(self, name: str, *words: str) -> str:
        return self.run("logs", name, *words).stdout

    def process(self, name: str) -> int:
        """The host's pid of the pod's first container."""
        identity = self.state(name)["containerID"].removeprefix("containerd://")
        tasks = self.cluster.machine.run(*CTR, "task", "ls").stdout.splitlines()
        return next(int(line.split()[1]) for line in tasks if line.startswith(identity))

    def words(self) -> dict[str, str]:
        """pod → its STATUS as `kubectl get pods` prints it."""
        lines = self.run("get", "pods", "--no-headers").stdout.splitlines()
        return {line.split()[0]: line.split()[2] for line in lines}

    def ready(self, *names: str, seconds: int = 40) -> None:
        if names:
            done = self.run(
                "wait", "--for=condition=Ready", f"--timeout={seconds}s", *(f"pod/{n}" for n in names), check=False
            )
            assert done.returncode == 0, f"{done.stderr}\n{self.explain()}"

    def until(self, name: str, word: str, seconds: float = 40) -> None:
        """Waits until kubectl prints that STATUS for the pod."""
        eventually(lambda: self.words().get(name) == word, seconds, self.explain)

    def explain(self) -> str:
        done = self.run("get", "pods,events", "-o", "wide", check=False)
        return f"{done.stdout}\n{done.stderr}"


@contextlib.contextmanager
def workbench(cluster: Cluster, name: str) -> Iterator[Bench]:
    """A namespace with its service account, deleted afterwards without waiting."""
    cluster.kubelite("create", "namespace", name)
    account = ("get", "serviceaccount", "default", "-n", name)
    try:
        eventually(lambda: cluster.machine.kubelite(*account, check=False).returncode == 0)
        yield Bench(cluster, name)
    finally:
        cluster.kubelite("delete", "namespace", name, "--wait=false", check=False)
