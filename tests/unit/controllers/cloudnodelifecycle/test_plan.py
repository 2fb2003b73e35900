"""What becomes of nodes whose machines are shut down or gone, by table and by property."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.types.core_v1 import Taint
from kubelite.controllers.cloud.inventory import parse
from kubelite.controllers.cloud.provider import MachineState
from kubelite.controllers.cloudnodelifecycle.plan import SHUTDOWN, Action, asks, cleared, marked, plan
from tests.unit.controllers import build

CREATED = datetime(2030, 1, 1, tzinfo=UTC)
NEW = Taint(key="node.cloudprovider.kubernetes.io/uninitialized", value="true", effect="NoSchedule")
MARK = Taint(key=SHUTDOWN, effect="NoSchedule")
OTHER = Taint(key=SHUTDOWN, effect="NoExecute")
PRESENT, SHUT_DOWN, GONE = MachineState.PRESENT, MachineState.SHUT_DOWN, MachineState.GONE


@pytest.mark.parametrize(
    ("ready", "taints", "state", "action"),
    [
        ("True", [], GONE, Action.KEEP),
        ("True", [], SHUT_DOWN, Action.KEEP),
        ("True", [MARK], SHUT_DOWN, Action.CLEAR),
        ("True", [OTHER], None, Action.KEEP),
        ("False", [], PRESENT, Action.KEEP),
        ("Unknown", [], GONE, Action.DELETE),
        ("False", [MARK], GONE, Action.DELETE),
        ("", [], GONE, Action.DELETE),
        ("Unknown", [], SHUT_DOWN, Action.MARK),
        ("Unknown", [OTHER], SHUT_DOWN, Action.MARK),
        ("Unknown", [MARK], SHUT_DOWN, Action.KEEP),
        ("Unknown", [MARK], PRESENT, Action.KEEP),
        ("Unknown", [], None, Action.KEEP),
    ],
)
def test_the_provider_decides_of_nodes_that_are_not_ready_only(
    ready: str, taints: list[Taint], state: MachineState | None, action: Action
) -> None:
    assert plan(build.node(ready=ready, taints=taints), state) is action


@pytest.mark.parametrize(
    ("ready", "provider", "taints", "age", "asked"),
    [
        ("True", "", [], 3600, False),
        ("Unknown", "", [], 0, True),
        ("Unknown", "", [NEW], 59, False),
        ("Unknown", "", [NEW], 60, True),
        ("Unknown", "local://node-a", [NEW], 0, True),
    ],
)
def test_a_new_node_has_a_minute_before_its_machine_is_asked_for(
    ready: str, provider: str, taints: list[Taint], age: int, asked: bool
) -> None:
    one = build.node(ready=ready, taints=taints)
    one.spec.providerID = provider
    assert asks(one, CREATED + timedelta(seconds=age)) is asked


STATES = st.sampled_from([None, PRESENT, SHUT_DOWN, GONE])


@given(st.lists(st.tuples(st.sampled_from(["True", "False", "Unknown", ""]), STATES), max_size=8), st.booleans())
def test_what_was_done_is_not_done_again(rounds: list[tuple[str, MachineState | None]], start: bool) -> None:
    foreign = [OTHER, Taint(key="example.com/gpu", effect="NoSchedule")]
    one = build.node(taints=marked(foreign) if start else foreign)
    for ready, state in rounds:
        one.status.conditions = build.node(ready=ready).status.conditions
        action = plan(one, state)
        if action is Action.DELETE:
            assert ready != "True" and state is GONE
            return
        if action is not Action.KEEP:
            one.spec.taints = (marked if action is Action.MARK else cleared)(one.spec.taints)
        assert plan(one, state) is Action.KEEP
        assert cleared(one.spec.taints) == foreign


def test_an_inventory_names_machines_and_which_are_shut_down() -> None:
    assert parse("# ours\na\n  b shutdown # for repair\n\n") == {"a": PRESENT, "b": SHUT_DOWN}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it names no machine"),
        ("# nothing yet\n", "it names no machine"),
        ("a\nb broken", 'line 2: "broken" is no state of a machine'),
        ("a\na shutdown", 'line 2: the machine "a" is named twice'),
    ],
)
def test_an_inventory_that_says_nothing_certain_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text)
