"""What pyproject.toml asks for, the lock files answer: exactly, with hashes, and without saying where from."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.arch.sources import ROOT

PINNED = re.compile(
    r"^([A-Za-z0-9._-]+)==([^ ;\\]+)[^\n]*\\?\n((?:[ \t]+--hash=sha256:[0-9a-f]{64}[^\n]*\n?)*)", re.MULTILINE
)


LOCKS = ("requirements.lock", "requirements-dev.lock")
Pins = dict[str, tuple[Version, int]]
every_lock = pytest.mark.parametrize("name", LOCKS)


def lock(name: str) -> tuple[str, Pins]:
    """The text, and package → (version, number of hashes)."""
    text = (ROOT / name).read_text()
    pins = {
        str(canonicalize_name(package)): (Version(version), hashes.count("--hash"))
        for package, version, hashes in PINNED.findall(text)
    }
    return text, pins


def asked() -> tuple[list[Requirement], list[Requirement]]:
    """What running needs, and what developing needs besides."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = [Requirement(line) for lines in project["optional-dependencies"].values() for line in lines]
    others = [requirement for requirement in extra if requirement.name != project["name"]]
    return [Requirement(line) for line in project["dependencies"]], others


def unsatisfied(requirements: list[Requirement], pins: Pins) -> list[str]:
    wrong = []
    for requirement in requirements:
        version = pins.get(str(canonicalize_name(requirement.name)), (None, 0))[0]
        if version is None or version not in requirement.specifier:
            wrong.append(f"{requirement} is locked at {version}")
    return wrong


def test_the_locks_satisfy_every_range() -> None:
    running, developing = asked()
    pins = lock("requirements.lock")[1]
    assert unsatisfied(running, pins) == []
    assert unsatisfied(developing, pins | lock("requirements-dev.lock")[1]) == []


def test_the_locks_agree() -> None:
    first, second = (lock(name)[1] for name in LOCKS)
    assert {name for name in first.keys() & second.keys() if first[name][0] != second[name][0]} == set()


@every_lock
def test_every_locked_package_is_exact_and_hashed(name: str) -> None:
    text, pins = lock(name)
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "\t", "#"))]
    assert len(lines) == len(pins), "a line that pins nothing"
    assert [package for package, (_, hashes) in pins.items() if not hashes] == []


@every_lock
def test_a_lock_names_no_place(name: str) -> None:
    text = lock(name)[0]
    assert "://" not in text
    assert [line for line in text.splitlines() if line.lstrip().startswith("-") and "--hash=" not in line] == []


def test_no_dependency_is_asked_for_twice() -> None:
    names = [canonicalize_name(requirement.name) for part in asked() for requirement in part]
    assert sorted(names) == sorted(set(names))
