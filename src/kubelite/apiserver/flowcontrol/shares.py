"""How many seats each priority level gets.

What: pure functions: nominal limits from shares, and the present limits from what the levels need. Why: a level that needs
little lends seats to one that needs many, within bounds that the configuration sets. Flow: `controller` calls `limits_of`
when the configuration changes, and `divide` every ten seconds. Source: KEP-1040;
apiserver/pkg/util/flowcontrol/conc_alloc.go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kubelite.api.types.flowcontrol_v1 import PriorityLevelConfigurationSpec

DEFAULT_SHARES = 30
LEAST_TARGET = 0.001
ROUNDS = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """Seats of one level: its fair part, the least it keeps and the most it may have."""

    nominal: int
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What `divide` is told of a level: its bounds, and what it would like."""

    low: float
    high: float
    target: float


def shares_of(spec: PriorityLevelConfigurationSpec) -> int:
    """The level's nominalConcurrencyShares."""
    if spec.type == "Exempt":
        return (spec.exempt.nominalConcurrencyShares or 0) if spec.exempt is not None else 0
    limited = spec.limited
    if limited is None or limited.nominalConcurrencyShares is None:
        return DEFAULT_SHARES
    return limited.nominalConcurrencyShares


def limits_of(spec: PriorityLevelConfigurationSpec, total: int, all_shares: int) -> Limits:
    """The level's part of `total` seats, of which it has `shares_of(spec)` in `all_shares`."""
    nominal = math.ceil(total * shares_of(spec) / all_shares) if all_shares else 0
    part = spec.exempt if spec.type == "Exempt" else spec.limited
    lendable = round(nominal * ((part.lendablePercent or 0) if part is not None else 0) / 100)
    borrowing = spec.limited.borrowingLimitPercent if spec.type != "Exempt" and spec.limited is not None else None
    highest = nominal + (total if borrowing is None else round(nominal * borrowing / 100))
    return Limits(nominal, nominal - lendable, highest)


def divide(total: float, wishes: Sequence[Wish]) -> list[float]:
    """Seats for each level: proportional to the targets within the bounds, together `total` as far as the bounds allow.

    The proportion is found by halving: the sum grows with it.
    """
    targets = [max(wish.target, LEAST_TARGET) for wish in wishes]

    def at(proportion: float) -> list[float]:
        return [
            max(wish.low, min(wish.high, proportion * target)) for wish, target in zip(wishes, targets, strict=True)
        ]

    below, above = 0.0, max((wish.high / target for wish, target in zip(wishes, targets, strict=True)), default=0.0)
    if sum(at(above)) <= total:
        return at(above)
    for _ in range(ROUNDS):
        middle = (below + above) / 2
        if sum(at(middle)) < total:
            below = middle
        else:
            above = middle
    return at(below)
