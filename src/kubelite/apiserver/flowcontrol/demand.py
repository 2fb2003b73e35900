"""How many seats a level would have used, over the last interval.

What: a time-weighted average, its deviation and the highest value of (seats in use + seats waited for). Why: borrowing
follows what was needed, not what was given. Flow: `Level` reports each change, `controller` closes the interval every ten
seconds. Source: apiserver/pkg/util/flowcontrol/fairqueuing/integrator.go.
"""

from __future__ import annotations

import math
from typing import NamedTuple

SMOOTHING = 0.977
"""Weight of the past; upstream's: about five minutes to forget half."""


class Demand(NamedTuple):
    """One interval: `envelope` is what the level is taken to need."""

    average: float
    deviation: float
    highest: float

    @property
    def envelope(self) -> float:
        return min(self.highest, self.average + self.deviation)


class Integrator:
    """`now` is in seconds of any clock that only grows."""

    __slots__ = ("_area", "_since", "_square", "_start", "_value", "highest", "smoothed")

    def __init__(self, now: float) -> None:
        self._start = self._since = now
        self._value = self.highest = self._area = self._square = 0.0
        self.smoothed = 0.0

    def change(self, value: float, now: float) -> None:
        """The demand is `value` from now on."""
        past = now - self._since
        old = self._value
        if past > 0:
            self._area += old * past
            self._square += old * old * past
            self._since = now
        self._value = value
        if value > self.highest:
            self.highest = value

    def close(self, now: float) -> Demand:
        """What the interval was like; a new one begins."""
        self.change(self._value, now)
        length = now - self._start
        average = self._area / length if length > 0 else self._value
        variance = self._square / length - average * average if length > 0 else 0.0
        demand = Demand(average, math.sqrt(max(variance, 0.0)), self.highest)
        self._start, self._area, self._square, self.highest = now, 0.0, 0.0, self._value
        self.smoothed = max(demand.envelope, SMOOTHING * self.smoothed + (1 - SMOOTHING) * demand.envelope)
        return demand
