"""The pretended runtime: what it does with plans that only some pods need."""

from __future__ import annotations

from typing import Any

from kubelite.cmd.simulate.runtime import PretendedRuntime
from kubelite.cmd.simulate.script import Range, Script
from kubelite.kubelet.observed import RUNNING
from kubelite.kubelet.plan import Plan, compute_plan
from kubelite.kubelet.runtime.reporter import Reporter
from tests.unit.kubelet.podbuilder import make_pod

NOW = Range(0.0, 0.0)


class Events:
    """Keeps (reason, message) of what is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def event(self, kind: Any, obj: Any, type_: str, reason: str, message: str, field_path: str = "") -> None:
        self.told.append((reason, message))


async def test_all_containers_of_a_pod_start_anew_in_their_sandbox_and_go_on_counting() -> None:
    rule = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [137]}}
    source = {"name": "source", "image": "img", "restartPolicy": "Never", "restartPolicyRules": [rule]}
    pod = make_pod([source, {"name": "regular", "image": "img"}])
    events = Events()
    runtime = PretendedRuntime(Script(start_time=NOW, stop_time=NOW), Reporter(events), lambda _: None)

    async def step() -> Plan:
        seen = await runtime.observe("u1")
        plan = compute_plan(pod, seen, lambda *_: None, lambda *_: (0.0, 0.0))
        await runtime.sync(pod, seen, plan, ())
        return plan

    await step()
    first = await runtime.observe("u1")
    assert [(c.name, c.attempt) for c in first.containers] == [("regular", 0), ("source", 0)]
    for attempt in (1, 2):
        source_id = next(c.id for c in (await runtime.observe("u1")).containers if c.name == "source")
        runtime._end(runtime._pods["u1"], source_id, 137)
        assert [one.name for one in (await step()).reset] == ["regular", "source"]
        emptied = await runtime.observe("u1")
        assert emptied.containers == () and emptied.sandboxes == first.sandboxes
        assert await step() and (await step()).idle
        again = await runtime.observe("u1")
        assert [(c.name, c.attempt, c.state) for c in again.containers] == [
            ("regular", attempt, RUNNING),
            ("source", attempt, RUNNING),
        ]
    assert events.told.count(("Killing", "killing")) == 2
