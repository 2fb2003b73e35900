"""For how many seconds kubelets may believe an object that they have read, by the size of the cluster: pure.

Why: kubelets that fetch Secrets and ConfigMaps again and again would be most of a large cluster's requests. The boundaries
overlap, so that a cluster whose size goes up and down at one of them does not rewrite its nodes each time.
Source: pkg/controller/ttl/ttl_controller.go.
"""

from __future__ import annotations

from typing import Final, NamedTuple

ANNOTATION: Final = "node.alpha.kubernetes.io/ttl"


class Boundary(NamedTuple):
    """Numbers of nodes, both included, and the seconds that hold for them."""

    low: int
    high: float
    seconds: int


BOUNDARIES: Final = (
    Boundary(0, 100, 0),
    Boundary(90, 500, 15),
    Boundary(450, 1000, 30),
    Boundary(900, 2000, 60),
    Boundary(1800, float("inf"), 300),
)


def step(nodes: int, before: int) -> int:
    """The index of the boundaries in force; `before` is the one until now."""
    found = before
    while nodes > BOUNDARIES[found].high:
        found += 1
    while nodes < BOUNDARIES[found].low:
        found -= 1
    return found


def wanted(annotation: str | None, at: int) -> str | None:
    """The value to write; None where it is there already, written as any number."""
    seconds = BOUNDARIES[at].seconds
    try:
        if annotation is not None and int(annotation) == seconds:
            return None
    except ValueError:
        pass
    return str(seconds)
