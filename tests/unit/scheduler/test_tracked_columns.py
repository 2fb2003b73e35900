"""Columns that follow single changes are what they would be if they were computed anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.scheduler.framework import Cycle, World
from kubelite.scheduler.plugins.args import (
    LEAST,
    MOST,
    NodeResourcesFitArgs,
    ScoringStrategy,
)
from kubelite.scheduler.plugins.balanced_allocation import BalancedAllocation
from kubelite.scheduler.plugins.resources_fit import ResourcesFit
from kubelite.scheduler.pods import pod_info
from tests.unit.scheduler.world import node, pod

AMOUNTS = st.sampled_from(
    [
        {"cpu": "0", "memory": "0"},
        {"cpu": "4", "memory": "0"},
        {"cpu": "0"},
        {"cpu": "3", "memory": "7Gi", "pods": 3},
        {"cpu": "16", "memory": "5000000001", "example.test_gpu": "2"},
    ]
)
REQUESTS = st.sampled_from(
    [{}, {"cpu": "1"}, {"cpu": "333m", "memory": "1Gi"}, {"memory": "3Gi"}, {"example.test/gpu": "1"}]
)


@pytest.mark.parametrize("strategy", [LEAST, MOST])
@given(
    nodes=st.lists(AMOUNTS, min_size=1, max_size=5),
    placed=st.lists(st.tuples(REQUESTS, st.integers(0, 4)), max_size=12),
    asked=REQUESTS,
)
@settings(max_examples=60, deadline=None)
def test_verdicts_and_scores_that_follow_each_pod_equal_those_of_a_fresh_look(
    strategy: str, nodes: list[dict[str, Any]], placed: list[tuple[dict[str, str], int]], asked: dict[str, str]
) -> None:
    fit = ResourcesFit(NodeResourcesFitArgs(scoringStrategy=ScoringStrategy(type=strategy)))
    balanced = BalancedAllocation()
    followed, fresh = World(), World()
    for world in (followed, fresh):
        for number, amounts in enumerate(nodes):
            world.nodes.set_node(node(f"n{number}", **amounts))
    wanted = pod_info(pod("wanted", requests=asked))

    def answers(world: World) -> list[np.ndarray]:
        cycle = Cycle(wanted, world)
        active = world.nodes.active
        found = [fit.filter(cycle), fit.score(cycle, active), balanced.score(cycle, active)]
        return [np.array(column) for column in found if column is not None]

    answers(followed)
    for number, (requests, at) in enumerate(placed):
        for world in (followed, fresh):
            world.nodes.add_pod(pod_info(pod(f"p{number}", requests=requests)), f"n{at % len(nodes)}")
        answers(followed)
    for mine, anew in zip(answers(followed), answers(fresh), strict=True):
        assert mine.tolist() == anew.tolist()
