"""Eviction: asks that a pod be deleted if its disruption budgets allow. The body of `pods/eviction`, never stored."""

from __future__ import annotations

from kubelite.api.types.policy_v1 import Eviction
from kubelite.machinery.kind import Kind

EVICTION = Kind(
    group="policy",
    version="v1",
    kind="Eviction",
    plural="evictions",
    type=Eviction,
    verbs=(),
    stored=False,
)
