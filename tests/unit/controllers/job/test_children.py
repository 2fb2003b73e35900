"""When a pod of a Job counts as let go."""

from __future__ import annotations

import msgspec
import pytest

from kubelite.controllers.job.children import remove_finalizer
from kubelite.controllers.job.pods import FINALIZER
from kubelite.controllers.objects import Pod
from kubelite.machinery.errors import StatusError
from tests.unit.controllers.answering import answering


async def removed(code: int) -> bool:
    """What `remove_finalizer` says when the API server answers with this code."""
    meta = {"name": "p", "namespace": "a", "uid": "u", "finalizers": [FINALIZER]}
    async with answering(code) as client:
        return await remove_finalizer(client, msgspec.convert({"metadata": meta}, Pod))


async def test_a_conflict_is_not_taken_for_a_finalizer_that_is_gone() -> None:
    with pytest.raises(StatusError):
        await removed(409)


async def test_a_pod_that_is_not_there_is_let_go() -> None:
    assert await removed(404) is False
