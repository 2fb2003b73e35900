"""When a probe's outcomes become a result. Pure.

What: `Tally.note(outcome)`. Why: one failure is not unready; only a run of equal outcomes as long as the threshold is.
Flow: outcomes in → the result, which changes only at a threshold. Source: pkg/kubelet/prober/worker.go (doProbe).
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.api.types.core_v1 import Probe


@dataclass(slots=True)
class Tally:
    """`result` is None until the first threshold is reached."""

    success_threshold: int = 1
    failure_threshold: int = 3
    result: bool | None = None
    last: bool | None = None
    run: int = 0

    @classmethod
    def of(cls, probe: Probe, result: bool | None) -> Tally:
        return cls(probe.successThreshold or 1, probe.failureThreshold or 3, result)

    def note(self, healthy: bool) -> bool:
        """Count one outcome; True when `result` changed by it."""
        self.run = self.run + 1 if healthy == self.last else 1
        self.last = healthy
        if self.run < (self.success_threshold if healthy else self.failure_threshold):
            return False
        changed = self.result is not healthy
        self.result = healthy
        return changed
