"""What the documents name exists: modules, symbols, files, and the numbers that stand beside them."""

from __future__ import annotations

import dataclasses
import importlib
import re
from typing import Any

import pytest

from kubelite.api import KINDS, constants
from kubelite.controllers.registry import CONTROLLERS
from tests.arch.sources import ROOT, SOURCE, tracked

DOCUMENTS = sorted(name for name in tracked() if name.endswith(".md"))
SYMBOL = re.compile(r"`((?:kubelite\.)?[a-z_][\w.]*:[A-Za-z_][\w.]*)`(?: = ([\d.]+(?:e\d+)?))?")
DOTTED = re.compile(r"`(kubelite(?:\.\w+)+)`")
FILE = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|md|yaml|toml))`")
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
PACKAGES = {path.name for path in SOURCE.iterdir() if path.is_dir()}
OUTSIDE = ("etc/", "var/", "run/", "usr/", "io.", "k8s.io/")


def imported(dotted: str) -> tuple[Any, list[str]]:
    """The longest module that `dotted` begins with, and the attribute names that are left."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        name = ".".join(parts[:count])
        try:
            return importlib.import_module(name), parts[count:]
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise
    raise AssertionError(f"no module {dotted}")


def resolve(dotted: str, symbol: str = "") -> Any:
    """The object; for a dataclass field its default. Raises AssertionError if there is none."""
    owner, rest = imported(dotted)
    assert not (symbol and rest), f"no module {dotted}"
    for name in rest or [part for part in symbol.split(".") if part]:
        fields = {f.name: f.default for f in dataclasses.fields(owner)} if dataclasses.is_dataclass(owner) else {}
        if name in fields:
            owner = fields[name]
        elif hasattr(owner, name):
            owner = getattr(owner, name)
        else:
            assert name in getattr(owner, "__annotations__", {}), f"{dotted}:{symbol} has no {name}"
            owner = None
    return owner


def exists(path: str, files: tuple[str, ...]) -> bool:
    """Whether a file or folder of the repository ends with `path`."""
    wanted = "/" + path.strip("/")
    if path.endswith("/"):
        return any(f"/{name}".find(wanted + "/") >= 0 for name in files)
    return any(f"/{name}".endswith(wanted) or f"/{name}".find(wanted + "/") >= 0 for name in files)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_symbol_resolves_and_every_number_is_right(document: str) -> None:
    wrong = []
    for named, number in SYMBOL.findall((ROOT / document).read_text(encoding="utf-8")):
        module, _, symbol = named.partition(":")
        module = module.removeprefix("kubelite.")
        if module.split(".")[0] not in PACKAGES and "/flow/" not in document:
            continue
        try:
            value = resolve(f"kubelite.{module}", symbol)
        except AssertionError as error:
            wrong.append(str(error))
            continue
        if number and value != float(number):
            wrong.append(f"{named} is {value}, not {number}")
    assert wrong == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_dotted_name_and_file_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for dotted in DOTTED.findall(text):
        resolve(dotted)
    folder = (ROOT / document).parent
    missing = [link for link in LINK.findall(text) if not (folder / link).exists()]
    for path in FILE.findall(text):
        if any(part.split(".")[0].isupper() and part != "README.md" for part in path.split("/")):
            continue  # GROUP/KIND.py stands for many
        repository = path.split("/")[0] in {"src", "tests", "docs", "deploy", "scripts", "tools", "bench", "proto"}
        if (repository or path.endswith((".py", ".md"))) and not exists(path, tracked()):
            missing.append(path)
    assert missing == []


def test_every_process_has_a_page() -> None:
    from kubelite.cmd.registry import COMPONENTS

    pages = {name.removeprefix("docs/flow/").removesuffix(".md") for name in DOCUMENTS if name.startswith("docs/flow/")}
    assert set(COMPONENTS) | {"supervisor", "cli"} <= pages


def test_decisions_are_numbered_without_gaps_and_fit_a_page() -> None:
    records = [name for name in DOCUMENTS if name.startswith("docs/adr/") and name.split("/")[-1][0].isdigit()]
    assert [int(name.split("/")[-1][:4]) for name in records] == list(range(1, len(records) + 1))
    for name in records:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert text.startswith(f"# {name.split('/')[-1][:4]} "), name
        for heading in ("Motive", "Decision", "Alternatives", "Consequence"):
            assert f"**{heading}.**" in text, f"{name}: no {heading}"
        assert len(text.splitlines()) <= 60, f"{name} is longer than a page"


def test_the_page_of_the_controller_manager_names_every_controller() -> None:
    text = (ROOT / "docs" / "flow" / "controller-manager.md").read_text(encoding="utf-8")
    rows = " ".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| "))
    named = {name.strip() for name in rows.replace(" ", ",").split(",")}
    assert {name.removesuffix("-controller") for name in CONTROLLERS} - named == set()


def test_the_readme_names_every_port_and_place() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    ports = [value for name, value in vars(constants).items() if name.endswith("_PORT")]
    places = [constants.ETC, constants.LIB, constants.RUN, constants.LOG, constants.SERVICE_CIDR, constants.POD_CIDR]
    assert [value for value in (*ports, *places) if str(value) not in text] == []


def test_what_the_readme_calls_unsupported_is_not_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Not supported yet\n", 1)[1].split("\n## ", 1)[0]
    assert {kind.kind for kind in KINDS} & set(re.findall(r"\w+", section)) == set()


@pytest.mark.parametrize("wrong", ["kubelite.scheduler.nowhere", "kubelite.util.backoff.Nothing"])
def test_the_rule_can_fail(wrong: str) -> None:
    with pytest.raises(AssertionError):
        resolve(wrong)
