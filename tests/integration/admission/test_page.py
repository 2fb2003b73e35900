"""The page for administrators names every plugin, in order, with its default."""

from __future__ import annotations

import pathlib
import re

from kubelite.apiserver import admission
from tests.apienv import ApiEnv

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "admission.md"


async def test_the_table_of_plugins_is_that_of_the_server(api: ApiEnv) -> None:
    rows = re.findall(r"^\| ([A-Z]\w+) \| (on|off) \|", PAGE.read_text(), re.MULTILINE)
    plugins = admission.known(api.server.config, api.registry)
    assert rows == [(one.name, "on" if one.default else "off") for one in plugins if one.name]
