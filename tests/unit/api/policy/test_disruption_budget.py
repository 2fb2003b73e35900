"""PodDisruptionBudgets."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.policy.disruption_budget import POD_DISRUPTION_BUDGET as PDB
from tests.unit.api.objects import NOW, decoded, encoded, texts


def wire(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "b", "creationTimestamp": "2026-01-01T11:00:00Z"}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"minAvailable": 1}, []),
        ({"maxUnavailable": "30%", "unhealthyPodEvictionPolicy": "AlwaysAllow"}, []),
        (
            {"minAvailable": 1, "maxUnavailable": 1},
            [
                'spec: Invalid value: {"maxUnavailable":1,"minAvailable":1}: '
                "minAvailable and maxUnavailable cannot be both set"
            ],
        ),
        ({"minAvailable": -1}, ["spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"]),
        ({"maxUnavailable": "101%"}, ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%']),
        (
            {"unhealthyPodEvictionPolicy": "Never"},
            [
                'spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": '
                'supported values: "AlwaysAllow", "IfHealthyBudget"'
            ],
        ),
    ],
)
def test_mistakes(spec: dict[str, Any], expected: list[str]) -> None:
    assert texts(PDB.validate(decoded(PDB, wire(**spec)))) == expected


def test_a_new_budget_allows_nothing() -> None:
    obj = decoded(PDB, {**wire(), "status": {"disruptionsAllowed": 9}})
    PDB.prepare_create(obj)
    zeros = dict.fromkeys(("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"), 0)
    assert encoded(obj)["status"] == zeros


def test_a_status_makes_sense() -> None:
    new = decoded(PDB, {**wire(), "status": {"expectedPods": -1, "conditions": [{"type": "X", "status": "Maybe"}]}})
    found = texts(PDB.validate_status_update(new, new))
    assert (
        'status.conditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"' in found
    )
    assert "status.expectedPods: Invalid value: -1: must be greater than or equal to 0" in found


@pytest.mark.parametrize(
    ("spec", "cells"),
    [
        ({}, ["N/A", "N/A"]),
        ({"minAvailable": 0}, ["0", "N/A"]),
        ({"maxUnavailable": "5%"}, ["N/A", "5%"]),
    ],
)
def test_table(spec: dict[str, Any], cells: list[str]) -> None:
    assert PDB.row is not None
    obj = decoded(PDB, {**wire(**spec), "status": {"disruptionsAllowed": 2}})
    assert PDB.row(obj, NOW) == ["b", *cells, 2, "60m"]
