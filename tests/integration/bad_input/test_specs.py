"""An object with a wrong field is refused, and the field is named, whatever its kind."""

from __future__ import annotations

import pytest

from tests.apienv import ApiEnv
from tests.integration.bad_input import table_specs, table_workloads
from tests.integration.bad_input.cases import Case, check

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("case", [*table_specs.CASES, *table_workloads.CASES], ids=lambda case: case.id)
async def test_the_answer_names_what_is_wrong(server: ApiEnv, case: Case) -> None:
    await check(server, case)
