"""What a work queue tells of itself."""

from __future__ import annotations

import asyncio

from kubelite.client.queuemetrics import QueueMetrics
from kubelite.client.workqueue import WorkQueue
from kubelite.util.metrics import Registry


class Seconds:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(registry: Registry, *names: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in registry.render().splitlines() if not line.startswith("#"))
    found = {name: float(value) for name, _, value in lines}
    return {name: found[f'workqueue_{name}{{name="job"}}'] for name in names}


async def test_depth_waits_work_and_retries_are_told() -> None:
    registry, seconds, queue = Registry(), Seconds(), WorkQueue(base=0.0)
    QueueMetrics(registry, seconds).watch("job", queue)
    names = ("depth", "adds_total", "retries_total", "unfinished_work_seconds", "longest_running_processor_seconds")
    assert shown(registry, *names) == dict.fromkeys(names, 0)

    for key in ("a", "b", "a"):
        queue.add(key)
    assert shown(registry, "depth", "adds_total") == {"depth": 2, "adds_total": 2}
    seconds.now += 2
    assert await queue.get() == "a"
    seconds.now += 3
    assert await queue.get() == "b"
    seconds.now += 1
    assert shown(registry, "unfinished_work_seconds", "longest_running_processor_seconds", "depth") == {
        "unfinished_work_seconds": 5,
        "longest_running_processor_seconds": 4,
        "depth": 0,
    }
    queue.done("a")
    queue.add_rate_limited("b")
    queue.done("b")
    assert await asyncio.wait_for(queue.get(), 5) == "b"
    queue.done("b")
    sums = ("queue_duration_seconds_sum", "queue_duration_seconds_count", "work_duration_seconds_sum")
    assert shown(registry, *sums, "retries_total") == {
        "queue_duration_seconds_sum": 7,
        "queue_duration_seconds_count": 3,
        "work_duration_seconds_sum": 5,
        "retries_total": 1,
    }
    queue.close()
