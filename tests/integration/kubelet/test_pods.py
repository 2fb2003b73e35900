"""Pods on a real containerd: what starts, what ends, what the API then shows."""

from __future__ import annotations

import asyncio
import pathlib

import pytest

from tests.integration.kubelet.node import PODS, TestNode, container, shell


def running(status):
    return status["phase"] == "Running"


def main(status, index=0):
    return status["containerStatuses"][index]


async def test_a_pod_runs_is_ready_and_is_taken_down_without_a_trace(node: TestNode):
    await node.create("web")
    status = await node.until("web", running)
    assert status["podIP"].startswith("10.") and status["hostIP"] == "127.0.0.1" and status["qosClass"] == "BestEffort"
    assert {c["type"]: c["status"] for c in status["conditions"]}["Ready"] == "True"
    assert main(status)["containerID"].startswith("containerd://") and main(status)["restartCount"] == 0
    uid = (await node.get("web"))["metadata"]["uid"]
    await node.delete("web")
    await node.gone("web")
    left = (pathlib.Path(node.config.root_dir, "pods"), pathlib.Path(node.config.pod_log_dir))
    await node.eventually(lambda: _async(not node.runtime_names() and not any(list(path.iterdir()) for path in left)))
    assert not list(pathlib.Path("/sys/fs/cgroup").glob(f"**/pod{uid}"))
    assert (await node.reasons("web"))[:4] == ["Pulled", "Created", "Started", "Killing"]


async def _async(value):
    return value


async def test_ended_pods_show_their_codes_and_messages(node: TestNode):
    await node.create("ok", *shell("echo bye > /dev/termination-log"), restartPolicy="Never")
    failing = container("main", *shell("echo oops; exit 3"), terminationMessagePolicy="FallbackToLogsOnError")
    await node.create("bad", restartPolicy="Never", containers=[failing])
    greedy = container(
        "main",
        *shell("dd if=/dev/zero of=/dev/null bs=200M count=1"),
        resources={"limits": {"memory": "20Mi"}},
    )
    await node.create("oom", restartPolicy="Never", containers=[greedy])
    ok = await node.until("ok", lambda s: s["phase"] == "Succeeded")
    ended = main(ok)["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (0, "Completed", "bye\n")
    bad = await node.until("bad", lambda s: s["phase"] == "Failed")
    ended = main(bad)["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (3, "Error", "oops\n")
    oom = await node.until("oom", lambda s: main(s)["state"].get("terminated", {}).get("reason") == "OOMKilled")
    assert oom["phase"] == "Failed"


async def test_a_crashing_container_is_restarted_then_waits(node: TestNode):
    await node.create("crash", *shell("exit 1"))
    status = await node.until(
        "crash",
        lambda s: (
            s.get("containerStatuses") and main(s)["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff"
        ),
    )
    assert status["phase"] == "Running" and main(status)["restartCount"] == 1
    assert main(status)["lastState"]["terminated"]["exitCode"] == 1
    assert main(status)["state"]["waiting"]["message"].startswith(
        "back-off 10s restarting failed container=main pod=crash_"
    )
    assert "BackOff" in await node.reasons("crash")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"image": "nowhere.test/x:1", "imagePullPolicy": "Never"}, "ErrImageNeverPull"),
        ({"image": "Not Valid"}, "InvalidImageName"),
        ({"image": "localhost:1/x:1"}, "ImagePullBackOff"),
        (
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "k"}}}]},
            "CreateContainerConfigError",
        ),
        ({"securityContext": {"runAsNonRoot": True}}, "CreateContainerConfigError"),
        ({"command": ["/no/such/program"]}, "RunContainerError|CrashLoopBackOff"),
    ],
    ids=lambda value: value.split("|")[0] if isinstance(value, str) else "",
)
async def test_what_cannot_start_says_why(node: TestNode, spec, reason):
    await node.create("broken", containers=[{**container("main"), **spec}])

    def waits(status):
        wait = status.get("containerStatuses") and main(status)["state"].get("waiting", {}).get("reason")
        return wait in reason.split("|")

    status = await node.until("broken", waits)
    assert main(status)["ready"] is False


async def test_init_containers_run_in_order_before_the_main_ones(node: TestNode):
    mounts = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    await node.create(
        "init",
        initContainers=[
            container("first", *shell("echo first >> /v/log"), **mounts),
            container("side", *shell("echo side >> /v/log; sleep 1000"), restartPolicy="Always", **mounts),
            container("second", *shell("sleep 0.3; echo second >> /v/log"), **mounts),
        ],
        containers=[container("main", *shell("cat /v/log; sleep 1000"), **mounts)],
        volumes=[{"name": "v", "emptyDir": {}}],
    )
    status = await node.until("init", lambda s: s["phase"] == "Running" and main(s)["ready"])
    assert [c["ready"] for c in status["initContainerStatuses"]] == [True, True, True]
    assert "running" in status["initContainerStatuses"][1]["state"]
    uid = (await node.get("init"))["metadata"]["uid"]
    assert node.log("init", uid) == "first\nside\nsecond"


async def test_a_failed_init_container_fails_a_pod_that_never_restarts(node: TestNode):
    await node.create("init", restartPolicy="Never", initContainers=[container("first", "false")])
    status = await node.until("init", lambda s: s["phase"] == "Failed")
    assert status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 1
    assert main(status)["state"]["waiting"]["reason"] == "PodInitializing"


async def test_probes_decide_readiness_and_restarts(node: TestNode):
    ready = {"exec": {"command": ["cat", "/tmp/ok"]}, "periodSeconds": 1}
    await node.create(
        "slow", containers=[container("main", *shell("sleep 1.5; touch /tmp/ok; sleep 1000"), readinessProbe=ready)]
    )
    live = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    await node.create("sick", containers=[container("main", livenessProbe=live)], terminationGracePeriodSeconds=0)
    status = await node.until("slow", running)
    assert main(status)["ready"] is False
    await node.until("slow", lambda s: main(s)["ready"])
    status = await node.until("sick", lambda s: s.get("containerStatuses") and main(s)["restartCount"] >= 1)
    assert {"Unhealthy", "Killing"} <= set(await node.reasons("sick"))


async def test_hooks_run_after_the_start_and_before_the_stop(node: TestNode, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    hooks = {
        "postStart": {"exec": {"command": list(shell("echo started > /h/start"))}},
        "preStop": {"exec": {"command": list(shell("echo stopping > /h/stop"))}},
    }
    mounts = [{"name": "h", "mountPath": "/h"}]
    await node.create(
        "hooked",
        containers=[container("main", lifecycle=hooks, volumeMounts=mounts)],
        volumes=[{"name": "h", "hostPath": {"path": str(shared)}}],
    )
    await node.until("hooked", lambda s: running(s) and main(s)["ready"])
    assert (shared / "start").read_text() == "started\n" and not (shared / "stop").exists()
    await node.delete("hooked")
    await node.gone("hooked")
    assert (shared / "stop").read_text() == "stopping\n"


async def test_limits_reach_the_cgroups(node: TestNode):
    sized = {"requests": {"cpu": "100m", "memory": "16Mi"}, "limits": {"cpu": "500m", "memory": "32Mi"}}
    await node.create("sized", containers=[container("main", resources=sized)])
    status = await node.until("sized", running)
    assert status["qosClass"] == "Burstable"
    uid = (await node.get("sized"))["metadata"]["uid"]
    memory = list(
        pathlib.Path("/sys/fs/cgroup/memory").glob(f"{node.config.cgroup_root[1:]}/kubepods/burstable/pod{uid}")
    )
    if not memory:
        pytest.skip("not a cgroup v1 machine")
    assert int((memory[0] / "memory.limit_in_bytes").read_text()) == 32 << 20
    cpu = pathlib.Path(str(memory[0]).replace("/memory/", "/cpu/", 1))
    assert int((cpu / "cpu.shares").read_text()) == 102 and int((cpu / "cpu.cfs_quota_us").read_text()) == 50_000


async def test_a_pod_past_its_deadline_fails(node: TestNode):
    await node.create("late", activeDeadlineSeconds=1)
    status = await node.until("late", lambda s: s["phase"] == "Failed")
    assert status["reason"] == "DeadlineExceeded"


async def test_a_pod_with_a_forbidden_sysctl_is_rejected(node: TestNode):
    await node.create("odd", securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]})
    status = await node.until("odd", lambda s: s["phase"] == "Failed")
    assert status["reason"] == "SysctlForbidden" and "containerStatuses" not in status


async def test_a_pod_that_is_deleted_by_force_is_stopped_all_the_same(node: TestNode):
    await node.create("forced")
    await node.until("forced", running)
    await node.api.delete(f"{PODS}/forced", {"gracePeriodSeconds": 0})
    await node.gone("forced")
    await node.eventually(lambda: _async(not node.runtime_names()))


async def test_a_deletion_interrupts_the_wait_of_a_starting_pod(node: TestNode):
    await node.create(
        "stuck",
        volumes=[{"name": "v", "secret": {"secretName": "none"}}],
        containers=[container("main", volumeMounts=[{"name": "v", "mountPath": "/v"}])],
    )
    await node.eventually(lambda: _has(node, "stuck", "FailedMount"))
    await node.delete("stuck")
    await node.gone("stuck", 10)


async def _has(node: TestNode, name: str, reason: str) -> bool:
    await asyncio.sleep(0)
    return reason in await node.reasons(name)
