"""Plugins from files: what they decide, and what their faults do not."""

from __future__ import annotations

import os
import pathlib
import re

import pytest

from kubelite.scheduler.cycle import Scheduler
from kubelite.scheduler.framework import Diagnosis
from kubelite.scheduler.profile import default_profile, with_user_plugins
from kubelite.scheduler.userplugins import BUDGET, FAILURES, UserPlugins
from tests.unit.scheduler.world import info, node, scheduler

DOCUMENT = pathlib.Path(__file__).parents[3] / "docs/scheduler-plugins.md"
EXAMPLE = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S)[0]
PATIENCE = 10.0
Reports = list[tuple[str, str, str, str]]


class Folder:
    """A folder of plugins and a scheduler over two nodes that runs them."""

    def __init__(self, path: pathlib.Path, budget: float) -> None:
        self.path, self.reports = path, Reports()
        self.plugins = UserPlugins(str(path), lambda *report: self.reports.append(report), budget)
        self.scheduler: Scheduler = scheduler(node("a", labels={"quiet": "yes"}), node("b"))
        self.builtin = default_profile()
        self._time = 0

    def write(self, name: str, text: str) -> None:
        file = self.path / name
        file.write_text(text)
        self._time += 1
        os.utime(file, (self._time, self._time))
        self.load()

    def load(self) -> bool:
        different = self.plugins.refresh()
        with_user_plugins(self.scheduler.profile, self.builtin, self.plugins.plugins)
        return different

    def places(self, **labels: str) -> set[str]:
        found = {self.scheduler.place(info(f"p{i}", labels=labels)) for i in range(10)}
        return {place for place in found if isinstance(place, str)}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> Folder:
    """Its plugins have the time that a busy machine may take from them."""
    return Folder(tmp_path, PATIENCE)


def test_the_example_of_the_document_works(folder: Folder) -> None:
    folder.write("quiet.py", EXAMPLE)
    assert folder.places() == {"b"}
    folder.scheduler.nodes.remove_node("b")
    assert folder.places() == {"a"}
    refused = folder.scheduler.place(info("loud", labels={"noise": "loud"}))
    assert isinstance(refused, Diagnosis)
    assert refused.message().startswith("0/1 nodes are available: 1 node(s) wanted it quiet.")
    assert folder.reports == []


def test_a_changed_file_takes_effect_and_a_removed_one_no_longer(folder: Folder) -> None:
    head = "class Plugin:\n    name = 'N'\n    def filter(self, pod, nodes):\n"
    text = head + "        return [n['metadata']['name'] == '{}' for n in nodes]\n"
    folder.write("one.py", text.format("a"))
    assert folder.places() == {"a"}
    folder.write("one.py", text.format("b"))
    assert folder.places() == {"b"}
    assert not folder.load()
    (folder.path / "one.py").unlink()
    assert folder.load()
    assert folder.places() == {"a", "b"}


STUBBORN = """while True:
            try:
                import time; time.sleep(60)
            except BaseException:
                pass"""
"""It catches even what should end it."""
NESTED = """try:
            while True:
                try:
                    try:
                        while True:
                            try:
                                import time; time.sleep(60)
                            except (OSError, BaseException):
                                pass
                    except:
                        raise ValueError
                except BaseException as error:
                    pass
        except BaseException:
            pass"""
"""So do its handlers around that."""
PERSISTENT = """while True:
            try:
                import time; time.sleep(60)
            finally:
                continue"""


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        ("raise RuntimeError('broken')", "error", "RuntimeError: broken"),
        ("return [True]", "error", "ValueError: the answer needs one value for each of 2 nodes"),
        ("return 'nonsense'", "error", "ValueError"),
        ("while True: pass", "timeout", "took longer than 50 ms"),
        ("import time; time.sleep(60)", "timeout", "took longer than 50 ms"),
        (STUBBORN, "timeout", "took longer than 50 ms"),
        (NESTED, "timeout", "took longer than 50 ms"),
        (PERSISTENT, "timeout", "took longer than 50 ms"),
        ("pod['metadata'] = {}", "error", "TypeError"),
    ],
)
def test_a_faulty_plugin_is_reported_and_scheduling_goes_on(
    tmp_path: pathlib.Path, body: str, reason: str, words: str
) -> None:
    folder = Folder(tmp_path, BUDGET if reason == "timeout" else PATIENCE)
    folder.write("bad.py", f"class Plugin:\n    name = 'Bad'\n    def filter(self, pod, nodes):\n        {body}\n")
    assert isinstance(folder.scheduler.place(info("p")), str)
    (report,) = folder.reports
    assert report[:3] == ("Bad", "filter", reason)
    assert report[3].startswith(words)


def test_after_three_failures_a_plugin_rests_until_its_file_changes(folder: Folder) -> None:
    folder.write("bad.py", "class Plugin:\n    name = 'Bad'\n    def score(self, pod, nodes):\n        return 1 / 0\n")
    folder.places()
    assert len(folder.reports) == FAILURES
    assert folder.reports[-1][3].endswith("it rests until its file changes")
    folder.write("bad.py", EXAMPLE)
    assert folder.places() == {"b"}


def test_a_file_that_does_not_load_leaves_the_last_good_one_in_force(folder: Folder) -> None:
    folder.write("quiet.py", EXAMPLE)
    folder.write("quiet.py", "class Plugin(:\n")
    assert folder.places() == {"b"}
    assert folder.reports[0][:3] == ("quiet", "load", "error")
