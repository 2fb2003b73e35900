"""A container's exit that asks for a restart of all containers of its pod: plan and status, from the exit to the new start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kubelite.api.types.core_v1 import PodStatus
from kubelite.kubelet.observed import ObservedPod
from kubelite.kubelet.plan import Plan, Reset, Start, compute_plan
from kubelite.kubelet.status.containers import StatusInput
from kubelite.kubelet.status.pod import compute_status
from tests.unit.kubelet.podbuilder import SANDBOX, container, make_pod, observed

NOW = "2030-01-01T00:00:00Z"
GONE = "The container is removed because RestartAllContainers in place"


def rules(operator="In", values=(42,), action="RestartAllContainers"):
    return [{"action": action, "exitCodes": {"operator": operator, "values": list(values)}}]


SOURCE = {"name": "source", "image": "img", "restartPolicy": "Never", "restartPolicyRules": rules()}
REGULAR = {"name": "regular", "image": "img"}
INIT = [{"name": "init", "image": "img"}, {"name": "side", "image": "img", "restartPolicy": "Always"}]


def whole_pod(**spec):
    return make_pod([SOURCE, REGULAR], initContainers=INIT, restartPolicy="Never", **spec)


def whole_seen(pod, **source):
    return observed(
        container(pod, "init", "exited"),
        container(pod, "side"),
        container(pod, "source", **{"state": "exited", "exit_code": 42, **source}),
        container(pod, "regular"),
    )


def plan_of(pod, seen) -> Plan:
    return compute_plan(pod, seen, lambda *_: None, lambda *_: (100.0, 100.0))


def status_of(pod, seen, old=None, **more):
    given = StatusInput(pod, seen, old or PodStatus(), {}, lambda *_: None, NOW, ("192.168.0.1",), **more)
    return compute_status(given)


def restarting(status):
    return next((c for c in status.conditions if c.type == "AllContainersRestarting"), None)


def every(status):
    return [*status.initContainerStatuses, *status.containerStatuses]


# --- the plan


def test_all_containers_are_removed_and_the_one_that_asked_for_it_last():
    pod = whole_pod()
    plan = plan_of(pod, whole_seen(pod))
    assert plan == Plan(
        reset=(
            Reset("init-0", "init", kill=False),
            Reset("side-0", "side", kill=True),
            Reset("regular-0", "regular", kill=True),
            Reset("source-0", "source", kill=False),
        )
    )
    assert not plan.idle


def test_after_a_reset_that_was_interrupted_the_rest_is_removed():
    pod = whole_pod()
    left = observed(
        container(pod, "regular", "exited", exit_code=137), container(pod, "source", "exited", exit_code=42)
    )
    assert [one.name for one in plan_of(pod, left).reset] == ["regular", "source"]


def test_with_all_of_them_gone_the_pod_starts_with_its_first_init_container_in_its_sandbox_and_at_once():
    plan = plan_of(whole_pod(), observed())
    assert plan == Plan(start_init=(Start("init", 0),))
    assert plan_of(make_pod([SOURCE, REGULAR], restartPolicy="Never"), observed()) == Plan(
        start=(Start("source", 0), Start("regular", 0)), initialized=True
    )


@pytest.mark.parametrize(
    ("rule", "code", "resets"),
    [
        (rules(), 42, True),
        (rules(), 1, False),
        (rules("NotIn", (0,)), 1, True),
        (rules("NotIn", (0,)), 0, False),
        (rules(action="Restart") + rules(), 42, False),
        (rules() + rules(action="Restart"), 42, True),
    ],
    ids=[
        "in",
        "not in the values",
        "not in",
        "among what is not meant",
        "an earlier rule decides",
        "the first decides",
    ],
)
def test_the_first_rule_that_fits_the_exit_code_decides(rule, code, resets):
    pod = make_pod([{**SOURCE, "restartPolicyRules": rule}, REGULAR])
    seen = observed(container(pod, "source", "exited", exit_code=code), container(pod, "regular"))
    assert bool(plan_of(pod, seen).reset) is resets


@pytest.mark.parametrize("name", ["init", "side"])
def test_init_containers_and_sidecars_may_ask_for_it_too(name):
    inits = [{**one, "restartPolicyRules": rules()} if one["name"] == name else one for one in INIT]
    pod = make_pod([REGULAR], initContainers=inits, restartPolicy="Never")
    seen = observed(
        container(pod, "init", "exited", exit_code=42 if name == "init" else 0),
        *([container(pod, "side", "exited", exit_code=42)] if name == "side" else []),
    )
    assert plan_of(pod, seen).reset[-1] == Reset(f"{name}-0", name, kill=False)
    assert status_of(pod, seen).phase == "Pending", "it has not failed"


def test_older_containers_of_a_name_go_too_and_their_exits_count_no_more():
    pod = make_pod([{**SOURCE, "restartPolicy": "Always"}, REGULAR])
    older = container(pod, "source", "exited", exit_code=42)
    newer = container(pod, "source", attempt=1, created_at=30)
    assert plan_of(pod, observed(older, newer, container(pod, "regular"))).idle
    ended = replace(newer, state="exited", exit_code=42)
    names = [one.container_id for one in plan_of(pod, observed(older, ended)).reset]
    assert names == ["source-0", "source-1"]


def test_ephemeral_containers_stay():
    pod = whole_pod(ephemeralContainers=[{"name": "debug", "image": "img"}])
    seen = whole_seen(pod)
    seen = replace(seen, containers=(*seen.containers, container(pod, "debug")))
    assert "debug" not in {one.name for one in plan_of(pod, seen).reset}
    alone = observed(container(pod, "debug", "exited"))
    assert plan_of(pod, alone) == Plan(start_init=(Start("init", 0),))


def test_a_pod_that_is_being_deleted_is_not_restarted():
    pod = make_pod([SOURCE, REGULAR], meta={"deletionTimestamp": NOW})
    seen = observed(container(pod, "source", "exited", exit_code=42), container(pod, "regular"))
    assert not plan_of(pod, seen).reset
    assert restarting(status_of(pod, seen)).status == "False"


def test_a_dead_sandbox_is_replaced_after_the_reset():
    pod = whole_pod()
    dead = (replace(SANDBOX, ready=False),)
    assert plan_of(pod, replace(whole_seen(pod), sandboxes=dead)).reset
    assert plan_of(pod, observed(sandboxes=dead)) == Plan(
        create_sandbox=True, sandbox_attempt=1, start_init=(Start("init", 0),)
    )


# --- the status


def test_the_condition_tells_of_the_reset_while_it_goes_on():
    pod = whole_pod()
    running = status_of(pod, whole_seen(pod, state="running", exit_code=0))
    assert (restarting(running).status, restarting(running).reason) == ("False", "")
    during = status_of(pod, whole_seen(pod), running)
    found = restarting(during)
    assert (found.status, found.reason) == ("True", "RestartAllContainersStarted")
    assert found.message == "container exited with restart policy rule"
    after = status_of(pod, observed(), during)
    assert (restarting(after).status, restarting(after).reason) == ("False", "")


def test_the_containers_tell_why_they_are_gone_and_count_the_restart_once():
    pod = whole_pod()
    during = status_of(pod, whole_seen(pod))
    after = status_of(pod, observed(), during)
    for item in every(after):
        assert (item.state.waiting.reason, item.state.waiting.message) == ("RestartingAllContainers", GONE)
        last = item.lastState.terminated
        assert (last.reason, last.message, last.exitCode) == ("RestartingAllContainers", GONE, 137)
        assert item.restartCount == 1
    later = status_of(pod, observed(), after)
    assert [item.restartCount for item in every(later)] == [1, 1, 1, 1]
    assert later.containerStatuses[0].state.waiting.reason == "PodInitializing"
    again = observed(*(container(pod, name, attempt=1) for name in ("side", "source", "regular")))
    new = status_of(pod, again, later)
    assert [item.restartCount for item in new.containerStatuses] == [1, 1]
    assert new.containerStatuses[0].lastState.terminated.reason == "RestartingAllContainers"
    assert (new.phase, new.containerStatuses[0].state.running is not None) == ("Running", True)


def test_a_container_that_was_never_made_counts_no_restart():
    inits = [{**INIT[0], "restartPolicyRules": rules()}]
    pod = make_pod([REGULAR], initContainers=inits, restartPolicy="Never")
    during = status_of(pod, observed(container(pod, "init", "exited", exit_code=42)), status_of(pod, observed()))
    after = status_of(pod, observed(), during)
    assert after.initContainerStatuses[0].restartCount == 1
    assert (after.containerStatuses[0].restartCount, after.containerStatuses[0].lastState.terminated) == (0, None)


def test_a_pod_that_never_restarts_does_not_end_in_between():
    pod = make_pod([SOURCE, REGULAR], restartPolicy="Never")
    seen = observed(*(container(pod, name, "exited", exit_code=42) for name in ("source", "regular")))
    during = status_of(pod, seen)
    after = status_of(pod, observed(), during)
    later = status_of(pod, observed(), after)
    assert [one.phase for one in (during, after, later)] == ["Running", "Running", "Running"]


def test_a_kubelet_that_starts_anew_in_the_middle_goes_on_and_one_that_comes_late_does_not_begin_again():
    pod = whole_pod()
    told = status_of(pod, whole_seen(pod))
    assert status_of(pod, observed(), told).containerStatuses[1].state.waiting.reason == "RestartingAllContainers"
    again = observed(*(container(pod, name, attempt=1) for name in ("side", "source", "regular")))
    assert restarting(status_of(pod, again, told)).status == "False"
    assert not plan_of(pod, again).reset


@pytest.mark.parametrize(("code", "phase", "reason"), [(0, "Succeeded", "PodCompleted"), (1, "Failed", "PodFailed")])
def test_the_condition_of_a_pod_that_is_over_says_how_it_ended(code, phase, reason):
    pod = make_pod([SOURCE, REGULAR], restartPolicy="Never")
    seen = observed(*(container(pod, name, "exited", exit_code=code) for name in ("source", "regular")))
    status = status_of(pod, seen)
    assert (status.phase, restarting(status).status, restarting(status).reason) == (phase, "False", reason)


def test_a_pod_without_such_a_rule_has_no_such_condition():
    pod = make_pod([{**SOURCE, "restartPolicyRules": rules(action="Restart")}])
    assert restarting(status_of(pod, observed(container(pod, "source")))) is None
    assert restarting(status_of(make_pod(), ObservedPod("u1"))) is None


def test_a_container_whose_own_rule_or_policy_restarts_it_keeps_its_pod_from_ending():
    own = [{**SOURCE, "restartPolicyRules": rules(action="Restart")}]
    pod = make_pod(own, restartPolicy="Never")
    assert status_of(pod, observed(container(pod, "source", "exited", exit_code=42))).phase == "Running"
    assert status_of(pod, observed(container(pod, "source", "exited", exit_code=1))).phase == "Failed"
    always = make_pod([{**REGULAR, "restartPolicy": "Always"}], restartPolicy="Never")
    assert status_of(always, observed(container(always, "regular", "exited", exit_code=0))).phase == "Running"
