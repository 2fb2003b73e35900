"""What pyproject.toml asks for, the lock file answers: exactly, with hashes, and without saying where from."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.arch.sources import ROOT

PINNED = re.compile(
    r"^([A-Za-z0-9._-]+)==([^ ;\\]+)[^\n]*\\?\n((?:[ \t]+--hash=sha256:[0-9a-f]{64}[^\n]*\n?)*)", re.MULTILINE
)


def lock() -> tuple[str, dict[str, tuple[Version, int]]]:
    """The text, and name → (version, number of hashes)."""
    text = (ROOT / "requirements.lock").read_text()
    pins = {
        str(canonicalize_name(name)): (Version(version), hashes.count("--hash"))
        for name, version, hashes in PINNED.findall(text)
    }
    return text, pins


def asked() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(line) for line in (*project["dependencies"], *project["optional-dependencies"]["dev"])]


def test_the_lock_satisfies_every_range() -> None:
    pins = lock()[1]
    wrong = []
    for requirement in asked():
        version = pins.get(str(canonicalize_name(requirement.name)), (None, 0))[0]
        if version is None or version not in requirement.specifier:
            wrong.append(f"{requirement} is locked at {version}")
    assert wrong == []


def test_every_locked_package_is_exact_and_hashed() -> None:
    text, pins = lock()
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "\t", "#"))]
    assert len(lines) == len(pins), "a line that pins nothing"
    assert [name for name, (_, hashes) in pins.items() if not hashes] == []


def test_the_lock_names_no_place() -> None:
    text = lock()[0]
    assert "://" not in text
    assert [line for line in text.splitlines() if line.lstrip().startswith("-") and "--hash=" not in line] == []


def test_no_dependency_is_asked_for_twice() -> None:
    names = [canonicalize_name(requirement.name) for requirement in asked()]
    assert sorted(names) == sorted(set(names))
