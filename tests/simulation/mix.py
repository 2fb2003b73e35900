"""What a run is about: shape of the cluster and what people use, drawn from the seed.

What: `Mix.draw(seed)`. Why: a run that has everything has a little of each; runs that differ go deeper, and cost less.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True)
class Mix:
    """One run's choices."""

    servers: int
    managers: int
    schedulers: int
    cpu: int
    """CPUs of a node: with one, pods must wait, and the urgent ones displace others."""
    volumes: bool
    priorities: bool
    drains: bool
    manager_settings: dict[str, Any]

    @classmethod
    def draw(cls, seed: str) -> Mix:
        rng = Random(f"{seed}:mix")
        settings = {
            "node_monitor_grace_period": rng.choice((25.0, 50.0)),
            "leader_elect_retry_period": rng.choice((2.0, 4.0)),
        }
        return cls(
            servers=rng.choice((1, 2)),
            managers=rng.choice((1, 2)),
            schedulers=rng.choice((1, 1, 2)),
            cpu=rng.choice((1, 2, 2)),
            volumes=rng.random() < 0.5,
            priorities=rng.random() < 0.5,
            drains=rng.random() < 0.5,
            manager_settings=settings,
        )

    @property
    def capacity(self) -> dict[str, str]:
        """What a node has."""
        return {"cpu": str(self.cpu), "memory": "4Gi", "pods": "20", "ephemeral-storage": "10Gi"}
