"""Fixtures of the end-to-end tests: machines, one running cluster that most tests share, and the ways to talk to it.

What: `cluster` is a started machine with the test images; every test gets a namespace of its own from `namespace`.
Why: starting a cluster takes seconds, starting one per test would take minutes. Tests that stop or kill things use `machine`,
which is theirs alone.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests import kubectls
from tests.e2e import images
from tests.e2e.machine import Lan, Machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e" in str(item.path):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(300))
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="needs root: namespaces, containers and packet rules"))


@dataclass
class Cluster:
    """A machine that runs a cluster."""

    machine: Machine

    def kubelite(self, *argv: str, **options: Any) -> str:
        """Runs our CLI on the machine; what it printed."""
        return str(self.machine.kubelite(*argv, **options).stdout)

    def get(self, *argv: str) -> Any:
        """Objects as the API has them."""
        return json.loads(self.kubelite("get", *argv, "-o", "json"))

    def apply(self, text: str, namespace: str = "default") -> str:
        return self.kubelite("apply", "-n", namespace, "-f", "-", stdin=text)

    def pods(self, selector: str, namespace: str = "default") -> list[Any]:
        """Pods that are not on their way out."""
        items = self.get("pods", "-n", namespace, "-l", selector)["items"]
        return [p for p in items if "deletionTimestamp" not in p["metadata"]]

    def ready(self, selector: str, count: int, namespace: str = "default") -> list[Any]:
        """Waits until exactly `count` pods are there and Ready."""

        def done() -> list[Any] | None:
            pods = self.pods(selector, namespace)
            fine = [p for p in pods if _condition(p, "Ready") == "True"]
            return pods if len(pods) == len(fine) == count else None

        return eventually(done, 60, lambda: self.kubelite("get", "pods", "-n", namespace, "-o", "wide", check=False))

    def fetch(self, url: str, check: bool = True) -> str:
        done = self.machine.run("curl", "-sS", "-m", "10", url, check=check)
        return done.stdout.strip()


def _condition(obj: Any, kind: str) -> str:
    return next((c["status"] for c in obj.get("status", {}).get("conditions", ()) if c["type"] == kind), "")


def eventually(done: Callable[[], Any], seconds: float = 30, explain: Callable[[], Any] = lambda: "") -> Any:
    """Polls until `done()` is truthy and returns that; an assertion error with `explain()` after the time."""
    deadline = time.monotonic() + seconds
    while True:
        result = done()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {seconds} s\n{explain()}")
        time.sleep(0.2)


def start(machine: Machine, tars: list[pathlib.Path], *flags: str) -> Cluster:
    """`kubelite up`, and the test images."""
    machine.kubelite("up", *flags, timeout=120)
    machine.kubelite("image", "import", *map(str, tars))
    return Cluster(machine)


@pytest.fixture(scope="session")
def tars(tmp_path_factory: pytest.TempPathFactory) -> list[pathlib.Path]:
    """The image tars."""
    for program in ("containerd", "busybox"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: run `make test`, which installs it")
    return images.build(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def lan() -> Iterator[Lan]:
    with Lan() as lan:
        yield lan


@pytest.fixture(scope="session")
def cluster(lan: Lan, tars: list[pathlib.Path]) -> Cluster:
    """The cluster that tests share; it ends with the LAN."""
    return start(lan.machine("shared"), tars)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine of the test's own, without a cluster."""
    with Lan() as lan:
        yield lan.machine("alone")


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, deleted afterwards without waiting."""
    name = request.node.name.lower().translate(str.maketrans("_[]./", "-----")).strip("-")[-40:].strip("-")
    cluster.kubelite("create", "namespace", name)
    account = ("get", "serviceaccount", "default", "-n", name)
    eventually(lambda: cluster.machine.kubelite(*account, check=False).returncode == 0)
    yield name
    cluster.kubelite("delete", "namespace", name, "--wait=false", check=False)


def kubectl(version: int) -> str:
    """A real kubectl of that minor version; skips the test if this host has none."""
    found = kubectls.find(f"1.{version}")
    if found is None:
        pytest.skip(f"kubectl 1.{version} is not on this host")
    return found
