"""Workloads on real containers: stateful sets with names in DNS, daemons, jobs that succeed and fail, and jobs by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Cluster, eventually
from tests.e2e.images import WEB_1
from tests.e2e.workbench import Bench, container, service, workbench

LATER = "trap 'exit 0' TERM; sleep 1000 & wait"


def workload(kind: str, name: str, script: str, **spec: Any) -> dict[str, Any]:
    labels = {"name": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container("main", script)]},
    }
    wanted = {"selector": {"matchLabels": labels}, "template": template} | spec
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": wanted}


def job(name: str, script: str, **spec: Any) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [container("main", script)]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": {"spec": pod}} | spec,
    }


def clock(name: str, script: str) -> dict[str, Any]:
    template = {"spec": job("", script)["spec"]}
    spec = {"schedule": "* * * * *", "jobTemplate": template}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def bench(cluster: Cluster) -> Iterator[Bench]:
    with workbench(cluster, "workloads") as bench:
        indexed = {"completionMode": "Indexed", "completions": 2, "parallelism": 2}
        bench.apply(
            service("db", {"port": 80}, clusterIP="None"),
            workload("StatefulSet", "db", LATER, replicas=2, serviceName="db"),
            workload("DaemonSet", "agent", LATER),
            job("good", "echo sum is 42"),
            job("indexed", "echo index $JOB_COMPLETION_INDEX on $HOSTNAME", **indexed),
            job("bad", "exit 3", backoffLimit=0),
            clock("tick", "date"),
        )
        yield bench


def finished(bench: Bench, name: str, condition: str) -> Any:
    done = bench.run("wait", f"job/{name}", f"--for=condition={condition}", "--timeout=90s", check=False)
    assert done.returncode == 0, f"{done.stderr}\n{bench.explain()}"
    return bench.get("job", name)["status"]


def test_a_job_completes_and_its_pods_are_counted(bench: Bench) -> None:
    status = finished(bench, "good", "complete")
    assert status["succeeded"] == 1 and status.get("failed", 0) == 0
    assert bench.logs("job/good") == "sum is 42\n"
    assert bench.run("get", "job", "good", "--no-headers").stdout.split()[1:3] == ["Complete", "1/1"]


def test_an_indexed_job_tells_each_pod_its_index(bench: Bench) -> None:
    assert finished(bench, "indexed", "complete")["completedIndexes"] == "0-1"
    lines = bench.run("logs", "-l", "batch.kubernetes.io/job-name=indexed").stdout.splitlines()
    assert sorted(lines) == ["index 0 on indexed-0", "index 1 on indexed-1"]


def test_a_job_fails_beyond_its_backoff_limit(bench: Bench) -> None:
    status = finished(bench, "bad", "failed")
    assert status["failed"] == 1
    reasons = {condition["type"]: condition["reason"] for condition in status["conditions"]}
    assert reasons == {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}


def test_a_stateful_set_gives_its_pods_names_that_resolve_and_outlive_them(bench: Bench) -> None:
    bench.run("rollout", "status", "sts/db", "--timeout=90s")
    host = f"db-1.db.{bench.namespace}.svc.cluster.local"

    def answer() -> str:
        done = bench.run("exec", "db-0", "--", "bash", "-c", f"getent hosts {host}", check=False)
        return done.stdout.split()[0] if done.returncode == 0 and done.stdout else ""

    def address() -> str:
        return str(bench.get("pod", "db-1")["status"].get("podIP", ""))

    eventually(lambda: answer() == address() != "", 60, bench.explain)
    before = bench.get("pod", "db-1")["metadata"]["uid"]
    bench.run("delete", "pod", "db-1")
    eventually(lambda: bench.get("pod", "db-1")["metadata"]["uid"] != before, 60, bench.explain)
    bench.ready("db-1", seconds=60)
    eventually(lambda: answer() == address() != "", 60, bench.explain)
    assert bench.exec("db-1", "hostname") == "db-1\n"


def test_a_daemon_set_runs_on_every_node_and_rolls(bench: Bench) -> None:
    bench.run("rollout", "status", "ds/agent", "--timeout=90s")
    nodes = bench.run("get", "nodes", "-o", "name").stdout.split()
    pods = bench.run("get", "pods", "-l", "name=agent", "-o", "name").stdout.split()
    assert len(pods) == len(nodes) > 0
    kubelite = bench.cluster.machine.kubelite
    assert "restarted" in kubelite("rollout", "restart", "ds/agent", "-n", bench.namespace).stdout
    done = kubelite("rollout", "status", "ds/agent", "-n", bench.namespace, "--timeout=90s").stdout
    assert done.endswith('daemon set "agent" successfully rolled out\n')
    assert not set(pods) & set(bench.run("get", "pods", "-l", "name=agent", "-o", "name").stdout.split())


def test_a_cron_job_starts_by_hand_and_each_minute(bench: Bench) -> None:
    bench.run("create", "job", "now", "--from=cronjob/tick")
    assert finished(bench, "now", "complete")["succeeded"] == 1
    eventually(lambda: bench.get("cronjob", "tick")["status"].get("lastScheduleTime"), 90, bench.explain)
    status = bench.get("cronjob", "tick")["status"]
    assert status["lastScheduleTime"].endswith(":00Z") and status["lastSuccessfulTime"]
    assert WEB_1 in bench.run("get", "cronjob", "tick", "-o", "wide").stdout
