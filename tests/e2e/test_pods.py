"""Pods on real containers: how they start, end, are restarted, probed, limited and shown."""

from __future__ import annotations

import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Cluster, eventually
from tests.e2e.workbench import CTR, Bench, container, pod, service, workbench

SHARED = {"volumes": [{"name": "shared", "emptyDir": {}}]}
MOUNT = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
LIMITS = {"limits": {"memory": "64Mi", "cpu": "250m"}, "requests": {"memory": "32Mi", "cpu": "100m"}}
SAME = {"limits": {"memory": "64Mi", "cpu": "100m"}}
FOREVER = "trap 'exit 0' TERM; sleep 1000 & wait"
WAITS_FOR_FILE = {"exec": {"command": ["test", "-f", "/tmp/yes"]}, "periodSeconds": 1}


def every_pod() -> list[dict[str, Any]]:
    """All pods of this module; they start together."""
    never: dict[str, Any] = {"restartPolicy": "Never"}
    appended = "echo {0} >> /shared/order; sleep 0.3; echo {0}-end >> /shared/order"
    return [
        pod(
            "ordered",
            container("main", "cat /shared/order", **MOUNT),
            initContainers=[container(n, appended.format(n), **MOUNT) for n in ("first", "second")],
            **SHARED,
            **never,
        ),
        pod("init-error", container("main", FOREVER), initContainers=[container("bad", "exit 3")], **never),
        pod("init-crash", container("main", FOREVER), initContainers=[container("bad", "exit 3")]),
        pod("init-wait", container("main", FOREVER), initContainers=[container("slow", FOREVER)]),
        pod(
            "sidecar",
            container("main", "cat /shared/proxy; sleep 1", **MOUNT),
            initContainers=[
                container(
                    "proxy",
                    "trap 'echo side car ends; exit 0' TERM; sleep 1; echo up > /shared/proxy; sleep 1000 & wait",
                    restartPolicy="Always",
                    startupProbe={"exec": {"command": ["test", "-f", "/shared/proxy"]}, "periodSeconds": 1},
                    **MOUNT,
                ),
                container("after", "test -f /shared/proxy", **MOUNT),
            ],
            **SHARED,
            **never,
        ),
        pod("completed", container("main", "echo all is well > /dev/termination-log"), restartPolicy="OnFailure"),
        pod("error", container("main", "exit 42"), **never),
        pod(
            "from-logs",
            container("main", "echo the last words; exit 1", terminationMessagePolicy="FallbackToLogsOnError"),
            **never,
        ),
        pod("crash", container("main", "echo run; exit 5")),
        pod("on-failure", container("main", "exit 1"), restartPolicy="OnFailure"),
        pod("no-command", container("main", command=["/does/not/exist"]), **never),
        pod(
            "oom",
            container("main", "dd if=/dev/zero of=/dev/null bs=200M count=1", resources={"limits": {"memory": "24Mi"}}),
            **never,
        ),
        pod("no-image", container("main", image="localhost:1/absent:1")),
        pod("never-pull", container("main", image="kubelite.test/absent:1", imagePullPolicy="Never")),
        pod("bad-name", container("main", image="Not A Name")),
        pod("guaranteed", container("main", FOREVER, resources=SAME)),
        pod("burstable", container("main", FOREVER, resources=LIMITS)),
        pod("best-effort", container("main", FOREVER)),
        pod(
            "alive",
            container(
                "main",
                "touch /tmp/yes; sleep 2; rm /tmp/yes; trap 'exit 0' TERM; sleep 1000 & wait",
                livenessProbe={**WAITS_FOR_FILE, "failureThreshold": 1, "terminationGracePeriodSeconds": 1},
            ),
        ),
        pod("readied", container("main", readinessProbe={**WAITS_FOR_FILE, "failureThreshold": 1})),
        pod(
            "slow-start",
            container(
                "main",
                "sleep 3; echo hi > /tmp/index.html; exec httpd -f -p 8080 -h /tmp",
                startupProbe={"httpGet": {"port": "web", "path": "/"}, "periodSeconds": 1, "failureThreshold": 30},
                livenessProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 1},
                ports=[{"name": "web", "containerPort": 8080}],
            ),
        ),
        pod(
            "hooks",
            container(
                "main",
                "sleep 1; cat /shared/started; trap 'echo got TERM; exit 0' TERM; sleep 1000 & wait",
                lifecycle={
                    "postStart": {"exec": {"command": ["sh", "-c", "echo post start > /shared/started"]}},
                    "preStop": {"exec": {"command": ["sh", "-c", "echo pre stop > /proc/1/fd/1"]}},
                },
                **MOUNT,
            ),
            **{**SHARED, "terminationGracePeriodSeconds": 10},
        ),
        pod("bad-hook", container("main", FOREVER, lifecycle={"postStart": {"exec": {"command": ["false"]}}})),
        restarting_all(),
        pod("stubborn", container("main", "trap '' TERM; while true; do sleep 1; done")),
        service("readied", {"port": 80, "targetPort": 8080}),
    ]


def restarting_all() -> dict[str, Any]:
    """The first end of `source` restarts all containers; `regular` would say so if it were asked to stop."""
    rule = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}
    told = "echo asked >> /shared/order"
    asked = {"preStop": {"exec": {"command": ["sh", "-c", told]}}}
    ready = "test -f /shared/up && grep -q done /shared/order"
    first = f"test -f /shared/again && exec sleep 1000; touch /shared/again; until {ready}; do sleep 0.1; done; exit 42"
    return pod(
        "all-again",
        container("source", first, restartPolicy="Never", restartPolicyRules=[rule], **MOUNT),
        container(
            "regular", f"trap '{told}; exit 0' TERM; touch /shared/up; sleep 1000 & wait", lifecycle=asked, **MOUNT
        ),
        container("done", "echo done >> /shared/order", **MOUNT),
        initContainers=[
            container("init", "echo init >> /shared/order", **MOUNT),
            container("side", FOREVER, restartPolicy="Always"),
        ],
        **SHARED,
        restartPolicy="Never",
    )


@pytest.fixture(scope="module")
def zoo(cluster: Cluster) -> Iterator[Bench]:
    with workbench(cluster, "zoo") as bench:
        bench.apply(*every_pod())
        yield bench


def ended(zoo: Bench, name: str) -> Any:
    """The first container's terminated state, once the pod has ended."""
    eventually(lambda: zoo.status(name)["phase"] in ("Succeeded", "Failed"), 40, zoo.explain)
    return zoo.state(name)["state"]["terminated"]


def test_init_containers_run_one_after_the_other_and_first(zoo: Bench) -> None:
    zoo.until("ordered", "Completed")
    assert zoo.logs("ordered").split() == ["first", "first-end", "second", "second-end"]
    states = zoo.status("ordered")["initContainerStatuses"]
    assert [s["state"]["terminated"]["reason"] for s in states] == ["Completed", "Completed"]
    assert [s["ready"] for s in states] == [True, True]


def test_a_failing_init_container_ends_or_backs_off(zoo: Bench) -> None:
    zoo.until("init-error", "Init:Error")
    status = zoo.status("init-error")
    assert status["phase"] == "Failed"
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing"
    zoo.until("init-crash", "Init:CrashLoopBackOff")
    status = zoo.status("init-crash")
    assert status["phase"] == "Pending"
    assert status["initContainerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 3
    zoo.until("init-wait", "Init:0/1")
    conditions = {c["type"]: c for c in zoo.status("init-wait")["conditions"]}
    assert conditions["Initialized"]["status"] == "False"
    assert conditions["Initialized"]["reason"] == "ContainersNotInitialized"
    assert conditions["Initialized"]["message"] == "containers with incomplete status: [slow]"


def test_a_side_car_starts_first_and_ends_last(zoo: Bench) -> None:
    zoo.until("sidecar", "Completed")
    assert zoo.logs("sidecar", "-c", "main") == "up\n"
    assert zoo.logs("sidecar", "-c", "proxy") == "side car ends\n"
    proxy = zoo.status("sidecar")["initContainerStatuses"][0]
    assert proxy["state"]["terminated"]["exitCode"] == 0
    assert proxy["restartCount"] == 0


def test_exit_codes_reasons_and_messages(zoo: Bench) -> None:
    done = ended(zoo, "completed")
    assert (done["exitCode"], done["reason"], done["message"]) == (0, "Completed", "all is well\n")
    failed = ended(zoo, "error")
    assert (failed["exitCode"], failed["reason"]) == (42, "Error")
    assert ended(zoo, "from-logs")["message"] == "the last words\n"
    missing = ended(zoo, "no-command")
    assert (missing["exitCode"], missing["reason"]) == (128, "StartError")
    assert "/does/not/exist" in missing["message"]
    words = zoo.words()
    assert [words[n] for n in ("completed", "error", "no-command")] == ["Completed", "Error", "StartError"]


def test_a_container_that_needs_too_much_memory_is_oom_killed(zoo: Bench) -> None:
    killed = ended(zoo, "oom")
    assert (killed["exitCode"], killed["reason"]) == (137, "OOMKilled")
    assert zoo.words()["oom"] == "OOMKilled"


def test_a_crashing_container_is_restarted_with_back_off(zoo: Bench) -> None:
    for name, code in (("crash", 5), ("on-failure", 1)):
        zoo.until(name, "CrashLoopBackOff")
        state = zoo.state(name)
        assert state["restartCount"] >= 1
        assert state["lastState"]["terminated"]["exitCode"] == code
        waiting = state["state"]["waiting"]["message"]
        assert waiting.startswith("back-off ") and " restarting failed container=main pod=" in waiting
    assert zoo.status("crash")["phase"] == "Running"
    assert zoo.logs("crash", "--previous") == "run\n"
    times = zoo.run("get", "pod", "crash", "--no-headers").stdout.split()
    assert times[4].startswith("(") and times[5] == "ago)"
    events = zoo.run("get", "events", "--field-selector=involvedObject.name=crash", "-o", "json").stdout
    assert {"Scheduled", "Pulled", "Created", "Started", "BackOff"} <= {
        e["reason"] for e in json.loads(events)["items"]
    }


def test_the_end_of_one_container_restarts_all_of_them_in_place(zoo: Bench) -> None:
    def counts() -> list[int]:
        status = zoo.status("all-again")
        return [s["restartCount"] for s in (*status["initContainerStatuses"], *status.get("containerStatuses", ()))]

    eventually(lambda: counts() == [1, 1, 1, 1, 1], 40, zoo.explain)
    eventually(lambda: zoo.state("all-again")["state"].get("running"), 20, zoo.explain)
    eventually(lambda: zoo.state("all-again", 2)["state"].get("terminated"), 20, zoo.explain)
    assert zoo.exec("all-again", "cat", "/shared/order").split() == ["init", "done", "init", "done"]
    status = zoo.status("all-again")
    assert status["phase"] == "Running"
    for one in (*status["initContainerStatuses"], *status["containerStatuses"]):
        last = one["lastState"]["terminated"]
        assert (last["reason"], last["exitCode"]) == ("RestartingAllContainers", 137), one["name"]
    conditions = {c["type"]: c for c in status["conditions"]}
    assert conditions["AllContainersRestarting"]["status"] == "False"
    assert conditions["Initialized"]["status"] == "True"
    events = zoo.run("get", "events", "--field-selector=involvedObject.name=all-again", "-o", "json").stdout
    killed = {
        (e["involvedObject"].get("fieldPath"), e["message"])
        for e in json.loads(events)["items"]
        if e["reason"] == "Killing"
    }
    assert killed == {("spec.initContainers{side}", "killing"), ("spec.containers{regular}", "killing")}
    uid = zoo.get("pod", "all-again")["metadata"]["uid"]
    assert _sandboxes(zoo).count(uid) == 1, "it is the same sandbox"


def _sandboxes(zoo: Bench) -> list[str]:
    """The pod uid of each sandbox that the runtime knows."""
    words = ("container", "ls", "-q", 'labels."io.cri-containerd.kind"==sandbox')
    ids = zoo.cluster.machine.run(*CTR, *words).stdout.split()
    infos = (json.loads(zoo.cluster.machine.run(*CTR, "container", "info", one).stdout) for one in ids)
    return [info["Labels"]["io.kubernetes.pod.uid"] for info in infos]


def test_images_that_cannot_be_had(zoo: Bench) -> None:
    zoo.until("no-image", "ImagePullBackOff")
    waiting = zoo.state("no-image")["state"]["waiting"]
    assert waiting["message"].startswith('Back-off pulling image "localhost:1/absent:1"')
    zoo.until("never-pull", "ErrImageNeverPull")
    message = zoo.state("never-pull")["state"]["waiting"]["message"]
    assert message == 'Container image "kubelite.test/absent:1" is not present with pull policy of Never'
    zoo.until("bad-name", "InvalidImageName")
    events = json.loads(zoo.run("get", "events", "-o", "json").stdout)["items"]
    failures = {e["message"] for e in events if e["involvedObject"]["name"] == "no-image" and e["reason"] == "Failed"}
    assert "Error: ErrImagePull" in failures
    assert "Error: ImagePullBackOff" in failures


def cgroup(controller: str, *parts: str) -> pathlib.Path:
    """A cgroup of the host, whichever version it has."""
    whole = pathlib.Path("/sys/fs/cgroup")
    return whole.joinpath(*parts) if (whole / "cgroup.controllers").exists() else whole.joinpath(controller, *parts)


def own_cgroup(zoo: Bench, name: str, controller: str) -> pathlib.Path:
    """The cgroup of the pod's first container, as the host sees it."""
    identity = zoo.state(name)["containerID"].removeprefix("containerd://")
    found = [p for p in cgroup(controller).rglob(f"*{identity}*") if p.is_dir()]
    assert len(found) == 1, found
    return found[0]


def setting(folder: pathlib.Path, *names: str) -> str:
    return next((folder / n).read_text().strip() for n in names if (folder / n).exists())


def test_resources_become_cgroups_below_the_quality_of_service(zoo: Bench) -> None:
    zoo.ready("guaranteed", "burstable", "best-effort")
    classes = {n: zoo.status(n)["qosClass"] for n in ("guaranteed", "burstable", "best-effort")}
    assert classes == {"guaranteed": "Guaranteed", "burstable": "Burstable", "best-effort": "BestEffort"}
    folder = own_cgroup(zoo, "burstable", "memory")
    uid = zoo.get("pod", "burstable")["metadata"]["uid"]
    assert folder.parent.name == f"pod{uid}"
    assert folder.parent.parent.name == "burstable"
    assert setting(folder, "memory.max", "memory.limit_in_bytes") == str(64 << 20)
    assert setting(folder.parent, "memory.max", "memory.limit_in_bytes") == str(64 << 20)
    share = own_cgroup(zoo, "burstable", "cpu")
    assert setting(share, "cpu.max", "cpu.cfs_quota_us").split()[0] == "25000"
    if (share / "cpu.shares").exists():
        assert (share / "cpu.shares").read_text().strip() == "102"
    assert own_cgroup(zoo, "guaranteed", "memory").parent.parent.name == "kubepods"
    assert own_cgroup(zoo, "best-effort", "memory").parent.parent.name == "besteffort"


def test_a_failed_liveness_probe_restarts_the_container(zoo: Bench) -> None:
    eventually(lambda: zoo.state("alive").get("restartCount", 0) >= 1, 40, zoo.explain)
    events = json.loads(zoo.run("get", "events", "-o", "json").stdout)["items"]
    told = [e["message"] for e in events if e["involvedObject"]["name"] == "alive"]
    assert "Container main failed liveness probe, will be restarted" in told
    assert any(m.startswith("Liveness probe failed") for m in told)


def test_readiness_decides_whether_a_service_uses_the_pod(zoo: Bench) -> None:
    def endpoint() -> bool:
        slices = zoo.run("get", "endpointslices", "-l", "kubernetes.io/service-name=readied", "-o", "json").stdout
        return [e["conditions"]["ready"] for s in json.loads(slices)["items"] for e in s.get("endpoints") or ()] == [
            True
        ]

    zoo.until("readied", "Running")
    assert zoo.run("get", "pod", "readied", "--no-headers").stdout.split()[1] == "0/1"
    assert not endpoint()
    zoo.exec("readied", "touch", "/tmp/yes")
    eventually(endpoint, 10, zoo.explain)
    zoo.exec("readied", "rm", "/tmp/yes")
    eventually(lambda: not endpoint(), 10, zoo.explain)
    conditions = {c["type"]: c for c in zoo.status("readied")["conditions"]}
    assert conditions["Ready"]["message"] == "containers with unready status: [main]"


def test_a_startup_probe_holds_the_others_back(zoo: Bench) -> None:
    zoo.ready("slow-start")
    state = zoo.state("slow-start")
    assert (state["started"], state["restartCount"]) == (True, 0)


def test_hooks_run_after_the_start_and_before_the_signal(zoo: Bench) -> None:
    eventually(lambda: zoo.logs("hooks") == "post start\n", 20, zoo.explain)
    follower = zoo.open("logs", "-f", "hooks", stdout=-1)
    time.sleep(0.5)
    zoo.run("delete", "pod", "hooks")
    assert follower.communicate(timeout=20)[0] == b"post start\npre stop\ngot TERM\n"
    eventually(lambda: zoo.state("bad-hook").get("restartCount", 0) >= 1, 40, zoo.explain)
    events = zoo.run("get", "events", "--field-selector=involvedObject.name=bad-hook").stdout
    assert "FailedPostStartHook" in events


def test_a_pod_that_ignores_the_signal_is_killed_after_the_grace_period(zoo: Bench) -> None:
    zoo.until("stubborn", "Running")
    begin = time.monotonic()
    zoo.run("delete", "pod", "stubborn", "--grace-period=3")
    assert 2.5 < time.monotonic() - begin < 8
    assert "stubborn" not in zoo.words()


def test_a_deleted_pod_leaves_nothing_on_the_node(zoo: Bench) -> None:
    zoo.until("best-effort", "Running")
    uid = zoo.get("pod", "best-effort")["metadata"]["uid"]
    assert own_cgroup(zoo, "best-effort", "memory").exists()
    links = len(zoo.cluster.machine.run("ip", "-o", "link").stdout.splitlines())
    zoo.run("delete", "pod", "best-effort")

    def remains() -> str:
        script = (
            f"ls -d /var/lib/kubelite/kubelet/pods/{uid} /var/log/pods/*{uid}* 2>/dev/null; grep {uid} /proc/self/mountinfo;"
            f"ls /var/log/containers | grep best-effort_zoo; find /sys/fs/cgroup -name '*{uid}*'; true"
        )
        return zoo.cluster.machine.run("sh", "-c", script).stdout

    eventually(lambda: not remains(), 20, remains)
    eventually(lambda: len(zoo.cluster.machine.run("ip", "-o", "link").stdout.splitlines()) < links, 10)
