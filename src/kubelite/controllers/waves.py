"""Steps run in growing waves, so that what is always refused is tried once and not a thousand times.

Upstream: pkg/controller/statefulset (slowStartBatch), pkg/controller/controller_utils.go (SlowStartInitialBatchSize).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from kubelite.controllers.context import gather_errors

T = TypeVar("T")
LARGEST = 500


async def in_waves(
    steps: Sequence[T], run: Callable[[T], Awaitable[None]], *, one_by_one: bool = False
) -> list[Exception]:
    """Run all steps in waves of 1, 2, 4 … and stop after a wave with errors, which are returned."""
    start, size = 0, 1
    while start < len(steps):
        errors = await gather_errors([run(step) for step in steps[start : start + size]])
        if errors:
            return errors
        start += size
        size = 1 if one_by_one else min(size * 2, LARGEST)
    return []
