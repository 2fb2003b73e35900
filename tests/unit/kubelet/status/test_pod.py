from __future__ import annotations

from dataclasses import replace

import pytest

from kubelite.api.types.core_v1 import PodCondition, PodStatus
from kubelite.kubelet.observed import ObservedPod
from kubelite.kubelet.status.containers import StatusInput
from kubelite.kubelet.status.pod import Verdict, compute_status
from tests.unit.kubelet.podbuilder import SANDBOX, container, make_pod, observed

NOW = "2030-01-01T00:00:00Z"
LATER = "2030-01-01T00:01:00Z"
INIT = [{"name": "one", "image": "img"}]


def status_of(pod, seen, *, old=None, verdict=None, probes=None, **more):
    given = StatusInput(
        pod=pod,
        observed=seen,
        old=old or pod.status,
        reasons=more.pop("reasons", {}),
        probe=lambda name, id_, kind: (probes or {}).get((name, kind)),
        now=more.pop("now", NOW),
        host_ips=("192.168.0.1",),
        **more,
    )
    return compute_status(given, verdict)


def conditions(status):
    return {c.type: c.status for c in status.conditions}


def waiting(status, index=0):
    return status.containerStatuses[index].state.waiting


def test_a_pod_without_a_sandbox_is_pending_and_creates_its_containers():
    status = status_of(make_pod(), ObservedPod("u1"))
    assert status.phase == "Pending" and status.startTime == NOW and status.hostIP == "192.168.0.1"
    assert waiting(status).reason == "ContainerCreating"
    assert conditions(status) == {
        "PodReadyToStartContainers": "False",
        "Initialized": "True",
        "Ready": "False",
        "ContainersReady": "False",
        "PodScheduled": "True",
    }
    ready = next(c for c in status.conditions if c.type == "Ready")
    assert (ready.reason, ready.message) == ("ContainersNotReady", "containers with unready status: [web]")


def test_a_running_pod_is_ready_and_has_its_address():
    pod = make_pod()
    status = status_of(pod, observed(container(pod, "web", image="img:latest", image_id="sha256:1")))
    assert (status.phase, status.podIP, status.podIPs[0].ip) == ("Running", "10.0.0.5", "10.0.0.5")
    assert set(conditions(status).values()) == {"True"}
    item = status.containerStatuses[0]
    assert (item.ready, item.started, item.restartCount) == (True, True, 0)
    assert (item.containerID, item.image, item.imageID) == ("containerd://web-0", "img:latest", "sha256:1")
    assert item.state.running.startedAt == "1970-01-01T00:00:11Z"


def test_a_pod_on_the_hosts_network_has_the_hosts_address():
    pod = make_pod(hostNetwork=True)
    sandbox = replace(SANDBOX, host_network=True, ips=())
    assert status_of(pod, observed(container(pod, "web"), sandboxes=(sandbox,))).podIP == "192.168.0.1"


def test_readiness_and_startup_probes_decide_ready_and_started():
    probe = {"exec": {"command": ["x"]}}
    pod = make_pod([{"name": "web", "image": "img", "readinessProbe": probe, "startupProbe": probe}])
    seen = observed(container(pod, "web"))

    def shown(probes):
        item = status_of(pod, seen, probes=probes).containerStatuses[0]
        return item.started, item.ready

    assert shown({}) == (False, False)
    assert shown({("web", "startup"): "success"}) == (True, False)
    assert shown({("web", "startup"): "success", ("web", "readiness"): "success"}) == (True, True)
    assert shown({("web", "startup"): "success", ("web", "readiness"): "failure"}) == (True, False)


def test_after_a_kubelet_restart_a_ready_container_stays_ready_until_its_probe_speaks():
    pod = make_pod([{"name": "web", "image": "img", "readinessProbe": {"exec": {"command": ["x"]}}}])
    seen = observed(container(pod, "web"))
    before = status_of(pod, seen, probes={("web", "readiness"): "success"})
    assert status_of(pod, seen, old=before).containerStatuses[0].ready is True
    failed = status_of(pod, seen, old=before, probes={("web", "readiness"): "failure"})
    assert failed.containerStatuses[0].ready is False


@pytest.mark.parametrize(
    ("policy", "codes", "phase"),
    [
        ("Never", (0, 0), "Succeeded"),
        ("Never", (0, 1), "Failed"),
        ("OnFailure", (0, 0), "Succeeded"),
        ("OnFailure", (0, 1), "Running"),
        ("Always", (0, 0), "Running"),
    ],
)
def test_the_phase_of_ended_containers_follows_the_restart_policy(policy, codes, phase):
    pod = make_pod([{"name": "a", "image": "img"}, {"name": "b", "image": "img"}], restartPolicy=policy)
    seen = observed(*(container(pod, n, "exited", exit_code=c) for n, c in zip("ab", codes, strict=True)))
    assert status_of(pod, seen).phase == phase


def test_a_completed_pod_says_so_in_its_conditions():
    pod = make_pod(restartPolicy="Never")
    status = status_of(pod, observed(container(pod, "web", "exited", reason="Completed")))
    reasons = {c.type: c.reason for c in status.conditions}
    assert reasons["Ready"] == reasons["ContainersReady"] == reasons["Initialized"] == "PodCompleted"


def test_a_crash_loop_shows_the_wait_and_the_last_end():
    pod = make_pod()
    seen = observed(container(pod, "web", "exited", exit_code=1, reason="Error", attempt=2))
    status = status_of(pod, seen, reasons={"web": ("CrashLoopBackOff", "back-off 10s")})
    item = status.containerStatuses[0]
    assert (item.state.waiting.reason, item.state.waiting.message) == ("CrashLoopBackOff", "back-off 10s")
    assert item.lastState.terminated.exitCode == 1 and item.restartCount == 2
    assert status.phase == "Running"


def test_a_restarted_container_keeps_how_its_predecessor_ended():
    pod = make_pod()
    seen = observed(
        container(pod, "web", "exited", exit_code=137, reason="OOMKilled"),
        container(pod, "web", attempt=1, created_at=30),
    )
    item = status_of(pod, seen).containerStatuses[0]
    assert item.lastState.terminated.reason == "OOMKilled" and item.state.running and item.restartCount == 1


def test_init_containers_hold_the_pod_in_pending():
    pod = make_pod(initContainers=INIT)
    status = status_of(pod, observed(container(pod, "one")))
    assert status.phase == "Pending" and waiting(status).reason == "PodInitializing"
    initialized = next(c for c in status.conditions if c.type == "Initialized")
    assert (initialized.status, initialized.reason) == ("False", "ContainersNotInitialized")
    assert initialized.message == "containers with incomplete status: [one]"


def test_a_failed_init_container_fails_a_pod_that_never_restarts():
    pod = make_pod(initContainers=INIT, restartPolicy="Never")
    status = status_of(pod, observed(container(pod, "one", "exited", exit_code=1)), ended=True)
    assert status.phase == "Failed"
    assert waiting(status).reason == "PodInitializing"


def test_a_container_that_was_lost_counts_as_killed():
    pod = make_pod(restartPolicy="Never")
    before = status_of(pod, observed(container(pod, "web")))
    lost = status_of(pod, observed(), old=before).containerStatuses[0].state.terminated
    assert (lost.reason, lost.exitCode) == ("ContainerStatusUnknown", 137)


def test_an_ended_pod_has_no_container_that_waits_or_runs():
    pod = make_pod([{"name": "a", "image": "img"}, {"name": "b", "image": "img"}])
    status = status_of(pod, observed(container(pod, "a", "exited")), ended=True)
    assert all(item.state.terminated for item in status.containerStatuses) and status.phase == "Failed"


def test_a_rejected_pod_fails_with_its_reason_and_without_containers():
    status = status_of(make_pod(), ObservedPod("u1"), verdict=Verdict("Failed", "OutOfcpu", "no cpu", rejected=True))
    assert (status.phase, status.reason, status.message) == ("Failed", "OutOfcpu", "no cpu")
    assert status.containerStatuses == []


def test_a_final_phase_is_never_taken_back():
    pod = make_pod()
    old = PodStatus(phase="Failed", reason="Evicted", message="too much")
    status = status_of(pod, observed(container(pod, "web")), old=old)
    assert (status.phase, status.reason, status.message) == ("Failed", "Evicted", "too much")


def test_a_condition_keeps_its_time_while_its_status_stays():
    pod = make_pod()
    first = status_of(pod, observed(container(pod, "web", "created")))
    second = status_of(pod, observed(container(pod, "web")), old=first, now=LATER)
    times = {c.type: c.lastTransitionTime for c in second.conditions}
    assert (times["PodScheduled"], times["Ready"]) == (NOW, LATER)


def test_conditions_of_others_stay_and_gate_the_readiness():
    pod = make_pod(readinessGates=[{"conditionType": "example.test/up"}])
    seen = observed(container(pod, "web"))
    ready = next(c for c in status_of(pod, seen).conditions if c.type == "Ready")
    assert (ready.status, ready.reason) == ("False", "ReadinessGatesNotReady")
    gated = make_pod(readinessGates=[{"conditionType": "example.test/up"}])
    gated.status.conditions = [PodCondition(type="example.test/up", status="True")]
    status = status_of(gated, seen)
    assert conditions(status)["Ready"] == "True" and conditions(status)["example.test/up"] == "True"
