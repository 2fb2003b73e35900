"""The repository names no machine, no person's path and no unfinished work."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.arch.sources import ROOT, texts

OWN = "tests/arch/test_words.py"
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError|lorem ipsum)\b")
PLACES = re.compile(r"(?<![\w.}])(/home/\w+|/Users/\w+|[A-Z]:\\Users)")
FROM_MACHINERY = ("src/kubelite/rpc/",)


def index_hosts() -> set[str]:
    """Hosts and folders of the package indexes that this machine installs from, other than the public one."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    addresses = re.findall(r"(?:https?://|file://)[^\s'\"]+", listed.stdout)
    places = {re.sub(r"^\w+://([^@/]*@)?", "", address).split("?")[0] for address in addresses}
    hosts = {place if place.startswith("/") else place.split("/")[0].split(":")[0] for place in places}
    return hosts - {"pypi.org", "files.pythonhosted.org", "localhost", "127.0.0.1", ""}


def found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path}: {match.group()}"
        for path, text in texts()
        if path != OWN and not path.startswith(FROM_MACHINERY)
        for match in [pattern.search(text)]
        if match
    ]


def test_nothing_is_left_unfinished() -> None:
    assert found(UNFINISHED) == []


def test_no_path_of_a_persons_machine_is_named() -> None:
    assert found(PLACES) == []


def test_this_checkout_is_not_named() -> None:
    if len(ROOT.parts) < 3:
        pytest.skip("the checkout lies at a place whose name is a common word")
    assert found(re.compile(re.escape(str(ROOT)) + r"(?![\w-])")) == []


def test_no_package_index_of_this_machine_is_named() -> None:
    for host in index_hosts():
        assert found(re.compile(re.escape(host))) == [], host
