from __future__ import annotations

from dataclasses import replace

import pytest

from kubelite.kubelet.observed import ObservedPod
from kubelite.kubelet.plan import Kill, Plan, Start, Wait, compute_plan
from tests.unit.kubelet.podbuilder import SANDBOX, container, make_pod, observed

INIT = [{"name": "one", "image": "img"}, {"name": "two", "image": "img"}]
SIDECAR = {"name": "side", "image": "img", "restartPolicy": "Always"}


def plan_of(pod, seen, probes=None, waits=None) -> Plan:
    return compute_plan(
        pod,
        seen,
        lambda name, id_, kind: (probes or {}).get((name, kind)),
        lambda name, finished: (waits or {}).get(name, (0.0, 0.0)),
    )


def test_a_new_pod_gets_a_sandbox_and_its_containers():
    plan = plan_of(make_pod(), ObservedPod("u1"))
    assert plan == Plan(create_sandbox=True, start=(Start("web", 0),))


def test_a_new_pod_with_init_containers_starts_only_the_first():
    plan = plan_of(make_pod(initContainers=INIT), ObservedPod("u1"))
    assert plan == Plan(create_sandbox=True, start_init=(Start("one", 0),))


def test_a_running_pod_needs_nothing():
    pod = make_pod()
    plan = plan_of(pod, observed(container(pod, "web")))
    assert plan.idle and plan.initialized


def test_a_dead_sandbox_is_replaced_with_the_next_attempt():
    pod = make_pod()
    seen = observed(container(pod, "web", "exited"), sandboxes=(replace(SANDBOX, ready=False),))
    plan = plan_of(pod, seen)
    assert plan == Plan(create_sandbox=True, sandbox_attempt=1, start=(Start("web", 1, 20.0),))


@pytest.mark.parametrize(
    "sandbox",
    [replace(SANDBOX, ips=()), replace(SANDBOX, host_network=True)],
    ids=["lost its address", "has the wrong network"],
)
def test_a_sandbox_that_does_not_fit_is_killed_and_replaced(sandbox):
    pod = make_pod()
    plan = plan_of(pod, observed(container(pod, "web"), sandboxes=(sandbox,)))
    assert plan.kill_pod and plan.create_sandbox and plan.sandbox_attempt == 1


def test_a_pod_that_never_restarts_gets_no_second_sandbox():
    pod = make_pod(restartPolicy="Never")
    seen = observed(container(pod, "web", "exited"), sandboxes=(replace(SANDBOX, ready=False),))
    assert not plan_of(pod, seen).create_sandbox


@pytest.mark.parametrize(
    ("policy", "code", "restarts"),
    [
        ("Always", 0, True),
        ("Always", 1, True),
        ("OnFailure", 0, False),
        ("OnFailure", 1, True),
        ("Never", 0, False),
        ("Never", 1, False),
    ],
)
def test_an_ended_container_is_restarted_by_the_pods_policy(policy, code, restarts):
    pod = make_pod(restartPolicy=policy)
    plan = plan_of(pod, observed(container(pod, "web", "exited", exit_code=code)))
    assert bool(plan.start) is restarts
    assert plan.kill_pod is not restarts


def test_a_rule_of_the_container_overrides_the_pods_policy():
    rule = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
    spec = {"name": "web", "image": "img", "restartPolicy": "Never", "restartPolicyRules": [rule]}
    pod = make_pod([spec], restartPolicy="Never")
    assert plan_of(pod, observed(container(pod, "web", "exited", exit_code=42))).start == (Start("web", 1, 20.0),)
    assert not plan_of(pod, observed(container(pod, "web", "exited", exit_code=1))).start


def test_init_containers_run_one_after_the_other():
    pod = make_pod(initContainers=INIT)
    assert plan_of(pod, observed(container(pod, "one"))).idle
    done = container(pod, "one", "exited")
    assert plan_of(pod, observed(done)).start_init == (Start("two", 0),)
    plan = plan_of(pod, observed(done, container(pod, "two", "exited", created_at=12)))
    assert plan.start == (Start("web", 0),) and plan.initialized


def test_a_failed_init_container_is_tried_again_unless_the_pod_never_restarts():
    failed = {"state": "exited", "exit_code": 1}
    pod = make_pod(initContainers=INIT)
    assert plan_of(pod, observed(container(pod, "one", **failed))).start_init == (Start("one", 1, 20.0),)
    pod = make_pod(initContainers=INIT, restartPolicy="Never")
    assert plan_of(pod, observed(container(pod, "one", **failed))).kill_pod


def test_an_init_container_whose_record_was_collected_counts_as_done():
    pod = make_pod(initContainers=INIT)
    assert plan_of(pod, observed(container(pod, "two", "exited"))).start == (Start("web", 0),)


def test_a_sidecar_lets_the_next_one_start_when_it_has_started():
    pod = make_pod(initContainers=[SIDECAR, INIT[0]])
    assert plan_of(pod, observed(container(pod, "side"))).start_init == (Start("one", 0),)
    probed = make_pod(initContainers=[{**SIDECAR, "startupProbe": {"exec": {"command": ["x"]}}}, INIT[0]])
    seen = observed(container(probed, "side"))
    assert plan_of(probed, seen).idle
    assert plan_of(probed, seen, {("side", "startup"): "success"}).start_init == (Start("one", 0),)


def test_a_sidecar_that_ended_runs_again_beside_running_containers():
    pod = make_pod(initContainers=[SIDECAR])
    plan = plan_of(pod, observed(container(pod, "side", "exited"), container(pod, "web", created_at=12)))
    assert plan.start_init == (Start("side", 1, 20.0),) and not plan.kill_pod


def test_a_pod_whose_main_containers_are_done_is_stopped_with_its_sidecars():
    pod = make_pod(initContainers=[SIDECAR], restartPolicy="Never")
    plan = plan_of(pod, observed(container(pod, "side"), container(pod, "web", "exited", created_at=12)))
    assert plan.kill_pod


@pytest.mark.parametrize("kind", ["liveness", "startup"])
def test_a_container_that_fails_its_probe_is_replaced(kind):
    pod = make_pod([{"name": "web", "image": "img", f"{kind}Probe": {"exec": {"command": ["x"]}}}])
    plan = plan_of(pod, observed(container(pod, "web")), {("web", kind): "failure"})
    text = f"Container web failed {kind} probe, will be restarted"
    assert plan.kill == (Kill("web-0", "web", text, kind),)
    assert plan.start == (Start("web", 1),)


def test_a_condemned_container_waits_for_the_back_off_of_its_last_end():
    pod = make_pod([{"name": "web", "image": "img", "livenessProbe": {"exec": {"command": ["x"]}}}])
    seen = observed(container(pod, "web", "exited", created_at=5), container(pod, "web", attempt=1))
    plan = plan_of(pod, seen, {("web", "liveness"): "failure"}, {"web": (5.0, 10.0)})
    assert plan.kill and not plan.start and plan.waits == (Wait("web", 5.0, 10.0),)


def test_a_changed_image_replaces_the_container():
    pod = make_pod()
    plan = plan_of(pod, observed(container(pod, "web", hash="other")))
    assert plan.kill[0].message == "Container web definition changed, will be restarted"
    assert plan.start == (Start("web", 1),)


def test_a_crashing_container_waits_while_the_others_start():
    pod = make_pod([{"name": "web", "image": "img"}, {"name": "db", "image": "img"}])
    plan = plan_of(pod, observed(container(pod, "web", "exited", exit_code=1)), waits={"web": (7.0, 20.0)})
    assert plan.waits == (Wait("web", 7.0, 20.0),)
    assert plan.start == (Start("db", 0),)


def test_an_ephemeral_container_starts_before_the_pod_is_initialized_and_never_again():
    pod = make_pod(initContainers=INIT, ephemeralContainers=[{"name": "debug", "image": "img"}])
    assert plan_of(pod, observed(container(pod, "one"))).start_ephemeral == (Start("debug", 0),)
    seen = observed(container(pod, "one"), container(pod, "debug", "exited"))
    assert plan_of(pod, seen).idle


def test_a_container_in_an_unknown_state_is_killed_first():
    pod = make_pod()
    plan = plan_of(pod, observed(container(pod, "web", "unknown")))
    assert [kill.container_id for kill in plan.kill] == ["web-0"] and plan.start == (Start("web", 1),)


def test_a_container_that_was_made_but_never_started_is_made_again_under_its_number():
    pod = make_pod()
    plan = plan_of(pod, observed(container(pod, "web", "created", started_at=0)))
    assert plan.start == (Start("web", 0, replaces="web-0"),)


def test_a_pod_being_deleted_starts_nothing():
    pod = make_pod(meta={"deletionTimestamp": "2030-01-01T00:00:00Z"})
    assert not plan_of(pod, observed(container(pod, "web", "exited"))).start
