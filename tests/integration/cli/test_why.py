"""`kubelite why` names the cause of each fault: objects in a real API server, the real scheduler where it is about scheduling."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.integration.cli.conftest import Cli
from tests.integration.cli.fault_table import FAULTS
from tests.integration.cli.faults import Fault, condition, inject, node, on_node, pod, state
from tests.integration.scheduler.world import World, scheduling
from tests.integration.scheduler.world import condition as scheduled_condition


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
async def test_the_cause_of_a_fault_is_found(cli: Cli, fault: Fault) -> None:
    await inject(cli.api, fault)
    if fault.scheduled:
        async with scheduling(cli.api):
            await World(cli.api).until("p", lambda found: scheduled_condition(found) is not None)
            result = await cli(f"why {fault.ask} -o json")
    else:
        result = await cli(f"why {fault.ask} -o json")
    assert result.err == ""
    answer = json.loads(result.out)
    assert (answer["cause"], result.code) == (fault.cause, 1), result.out
    assert fault.says in result.out
    assert answer["next"].startswith(("kubelite ", "ssh ")), result.out


def test_there_are_faults_of_more_than_forty_kinds() -> None:
    assert len({fault.cause for fault in FAULTS}) > 40
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


HEALTHY = on_node(state(ready=True, running={}), phase="Running")
HEALTHY["status"]["conditions"] = [condition("Ready", "True")]


async def test_what_is_well_is_said_to_be_well(cli: Cli) -> None:
    await inject(cli.api, Fault("", "", "", (node(), HEALTHY)))
    for ask in ("pod/p", "node/n1"):
        result = await cli(f"why {ask}")
        assert (result.code, result.out) == (0, f"{ask}: Ready. Nothing is the matter.\n")
    result = await cli("why pods -A")
    assert (result.code, result.out) == (0, "All is well with the pods.\n")


async def test_all_that_is_not_well_is_listed_in_a_line_each(cli: Cli) -> None:
    crashing = on_node(state(waiting={"reason": "ErrImageNeverPull"}), name="bad")
    await inject(cli.api, Fault("", "", "", (node(), HEALTHY, pod("big", "64"), crashing)))
    result = await cli("why pods -A")
    lines = result.out.splitlines()
    assert result.code == 1
    assert [line.split(": ")[:3] for line in lines] == [
        ["default/pod/bad", "Pending", "ImageNeverPulled"],
        ["default/pod/big", "Pending", "TooLargeForAnyNode"],
    ]


async def test_the_chain_is_told_from_the_symptom_down_to_the_next_command(cli: Cli) -> None:
    fault = next(fault for fault in FAULTS if fault.name == "a deployment shares the cause of its pods")
    await inject(cli.api, fault)
    result = await cli("why deployment/web")
    assert result.out.splitlines() == [
        "deployment/web: 0 of 1 available",
        "- 1 of its 1 pods is not well; p: CrashLoopBackOff.",
        "  because container c ended again and again (4 restarts) and waits before the next start.",
        "  because container c ended with exit code 3.",
        "    its last words: no database",
        "Next: kubelite logs p --previous",
    ]


async def test_questions_that_cannot_be_answered_end_with_2(cli: Cli) -> None:
    for ask in ("pod/none", "configmap/x", "pods -o wide", "pod/p -A"):
        result = await cli(f"why {ask}")
        assert (result.code, result.out) == (2, ""), ask
        assert result.err


async def test_who_may_not_read_everything_gets_the_schedulers_last_words(cli: Cli) -> None:
    objects = (node(), node("n2", labels={}, unschedulable=True), pod(cpu="64"))
    await inject(cli.api, Fault("", "", "", objects))
    async with scheduling(cli.api):
        await World(cli.api).until("p", lambda found: scheduled_condition(found) is not None)
    rule = {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["get", "list"]}
    where = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    await cli.api.post(f"{where}/roles", {"metadata": {"name": "r"}, "rules": [rule]})
    subject = {"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}
    role = {"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}
    await cli.api.post(f"{where}/rolebindings", {"metadata": {"name": "b"}, "subjects": [subject], "roleRef": role})
    async with asyncio.timeout(10):
        result = await cli("why pod/p -o json --as jane")
    assert (result.code, json.loads(result.out)["cause"]) == (1, "InsufficientResources")
    assert "Cannot read nodes" in result.err
