"""What becomes of a pod's last words when the API server refuses them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
import pytest

from kubelite.client.client import Client
from kubelite.controllers.disruption import mark_disrupted, mark_failed
from kubelite.controllers.objects import Pod
from kubelite.machinery.errors import StatusError
from tests.unit.controllers.answering import answering

Say = Callable[[Client, Pod], Awaitable[None]]


async def disrupted(client: Client, pod: Pod) -> None:
    await mark_disrupted(client, pod, "DeletionByPodGC", "gone", datetime(2030, 1, 1, tzinfo=UTC), fail=True)


async def said(say: Say, code: int) -> None:
    """Says it to an API server that answers with this code."""
    async with answering(code) as client:
        await say(client, msgspec.convert({"metadata": {"name": "p", "namespace": "a", "uid": "u"}}, Pod))


@pytest.mark.parametrize("say", [disrupted, mark_failed])
async def test_a_conflict_is_no_excuse_for_deleting_a_pod_whose_status_does_not_say_that_it_failed(say: Say) -> None:
    """Held by its Job's finalizer it would stay, Pending, and the Job would wait for it for ever."""
    with pytest.raises(StatusError) as refused:
        await said(say, 409)
    assert refused.value.code == 409


@pytest.mark.parametrize("say", [disrupted, mark_failed])
async def test_a_pod_that_is_gone_needs_no_last_words(say: Say) -> None:
    await said(say, 404)
