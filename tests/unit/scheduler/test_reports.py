"""Which reports about pods without a node are sent, and what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from kubelite.scheduler.framework import Diagnosis, Preemption
from kubelite.scheduler.reports import REPORTS_AT_ONCE, Reports
from tests.unit.scheduler.world import info

NOWHERE = Diagnosis(1)
Sent = tuple[str, str, str | None]


class Desk:
    """Reports whose patches wait until the test lets them through."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.open = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self.reports = Reports(self.send, self.spawn)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(work))

    async def send(self, pod: Any, reason: str, message: str, node: str | None) -> None:
        await self.open.wait()
        self.sent.append((pod.pod.metadata.name, message, node))

    async def full(self) -> None:
        """No more can be sent at once."""
        for number in range(REPORTS_AT_ONCE):
            self.reports.put(info(f"first{number}"), NOWHERE, "")

    async def let_through(self) -> list[Sent]:
        """What is sent in the end, without what kept the others waiting."""
        self.open.set()
        while unfinished := [task for task in self.tasks if not task.done()]:
            await asyncio.gather(*unfinished)
        return [found for found in self.sent if not found[0].startswith("first")]


async def test_of_each_pod_that_waits_the_newest_report_is_sent() -> None:
    desk = Desk()
    await desk.full()
    for message in ("old", "new"):
        desk.reports.put(info("p", uid="1"), NOWHERE, message)
    assert await desk.let_through() == [("p", "new", None)]


async def test_a_promise_that_was_not_told_yet_is_told_with_the_next_report() -> None:
    desk = Desk()
    await desk.full()
    desk.reports.put(info("p", uid="1"), Diagnosis(1, preemption=Preemption("n", ())), "room is made")
    desk.reports.put(info("p", uid="1"), NOWHERE, "not yet")
    desk.reports.put(info("q", uid="2"), Diagnosis(1, preemption=Preemption("n", ())), "room is made")
    desk.reports.put(info("q", uid="2"), Diagnosis(1, withdrawn=True), "in vain")
    assert await desk.let_through() == [("p", "not yet", "n"), ("q", "in vain", None)]


async def test_a_pod_that_took_the_name_is_not_promised_the_node_of_the_other() -> None:
    desk = Desk()
    await desk.full()
    desk.reports.put(info("p", uid="1"), Diagnosis(1, preemption=Preemption("n", ())), "room is made")
    desk.reports.put(info("p", uid="2"), NOWHERE, "no room")
    assert await desk.let_through() == [("p", "no room", None)]


async def test_nothing_is_told_of_a_pod_that_has_a_node_and_no_promise_that_was_taken_away() -> None:
    desk = Desk()
    await desk.full()
    for name in ("placed", "displaced"):
        desk.reports.put(info(name), Diagnosis(1, preemption=Preemption("n", ())), "room is made")
    desk.reports.drop("default/placed")
    desk.reports.withdraw("default/displaced")
    assert await desk.let_through() == [("displaced", "room is made", None)]


async def test_reports_of_one_pod_are_sent_one_after_the_other() -> None:
    desk = Desk()
    desk.reports.put(info("p", uid="1"), NOWHERE, "one")
    desk.reports.put(info("p", uid="1"), NOWHERE, "two")
    desk.reports.put(info("other"), NOWHERE, "other")
    await asyncio.sleep(0)
    assert len(desk.tasks) == 2
    assert sorted(await desk.let_through()) == [("other", "other", None), ("p", "one", None), ("p", "two", None)]
