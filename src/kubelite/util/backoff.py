"""Exponential back-off with jitter.

What: the next waiting time after each failure in a row. Why: a hundred clients of a server that died must not return as one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

_SHARED = random.Random()
"""One source for all: seeding its own would cost each back-off 2.5 KB and a read of the system's randomness."""


@dataclass(slots=True)
class Backoff:
    """Seconds to wait: `initial`, then times `factor` up to `cap`, each spread by ±`jitter` (a fraction)."""

    initial: float = 0.1
    factor: float = 2.0
    cap: float = 30.0
    jitter: float = 0.2
    failures: int = 0
    rng: random.Random = field(default_factory=lambda: _SHARED)

    def next(self) -> float:
        wait = min(self.cap, self.initial * self.factor ** min(self.failures, 60))
        self.failures += 1
        return wait * (1 + self.jitter * (2 * self.rng.random() - 1))

    def reset(self) -> None:
        self.failures = 0
