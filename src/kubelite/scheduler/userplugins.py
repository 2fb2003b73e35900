"""Plugins of the user's own: Python files in a folder, loaded and reloaded while the scheduler runs.

What: `UserPlugins.refresh()` looks at the folder; `plugins` are those in force, as filters and scores. Why: a rule that is only
yours should not need a fork. A plugin file has a class `Plugin` (or several, listed in `PLUGINS`) with `name` and any of
`filter(pod, nodes)`, `score(pod, nodes)`, `weight` and `reason`; docs/scheduler-plugins.md has an example.
Isolation: each call has a time budget (an interval timer interrupts it; the file's own handlers let that pass, however they are
nested: `Handlers`) and its answer is checked. A call that raises, takes too
long or answers nonsense counts as "no opinion", is reported, and after `FAILURES` in a row the plugin rests until its file
changes. What a process of its own would give on top, this does not: a plugin that crashes the interpreter takes it along.
"""

from __future__ import annotations

import ast
import pathlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FrameType, MappingProxyType, ModuleType
from typing import Any

import msgspec
import numpy as np

from kubelite.scheduler import events
from kubelite.scheduler.framework import MAX_NODE_SCORE, Cycle, FilterPlugin, Scores, Why
from kubelite.scheduler.nodes import Mask
from kubelite.util.log import get_logger

log = get_logger(__name__)
BUDGET = 0.05
FAILURES = 3
Report = Callable[[str, str, str, str], None]
"""`report(plugin, extension point, reason, message)`"""


class TooSlow(BaseException):
    """The time of a call is up. No Exception, so that a plugin's own `except Exception` does not catch it."""


TOO_SLOW = "_kubelite_too_slow"


class Handlers(ast.NodeTransformer):
    """Puts `except TooSlow: raise` before the handlers of each `try`: no `except BaseException` of the file gets to see it."""

    def visit_Try(self, node: ast.Try) -> ast.Try:
        """Those inside have theirs, too."""
        self.generic_visit(node)
        if node.handlers:
            name = ast.Name(TOO_SLOW, ast.Load())
            node.handlers.insert(0, ast.ExceptHandler(type=name, name=None, body=[ast.Raise(exc=None, cause=None)]))
        return node


def compiled(text: str, path: str) -> CodeType:
    """A plugin file, with handlers that let `TooSlow` pass."""
    return compile(ast.fix_missing_locations(Handlers().visit(ast.parse(text, path))), path, "exec")


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Interrupts what runs inside after `seconds`, again and again until it gives in; only in the main thread.

    What is not a handler of the file can catch it all the same (`finally: continue`, `contextlib.suppress(BaseException)`,
    an imported module). From the second time on it is interrupted also where it catches: once; a catch around that wins.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    times, tracing = 0, sys.gettrace()

    def refuse(frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            raise TooSlow
        return refuse

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal times
        times += 1
        if times > 1 and frame is not None:
            frame.f_trace = refuse
            sys.settrace(refuse)
        raise TooSlow

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        sys.settrace(tracing)


def plain(obj: Any) -> Any:
    """An object as a plugin sees it: dicts and lists, as in a manifest."""
    return MappingProxyType(msgspec.to_builtins(obj))


class UserPlugin(FilterPlugin):
    """One plugin from a file, behind its guard."""

    def __init__(self, made: Any, report: Report, budget: float) -> None:
        self.name = str(made.name)
        self.weight = int(getattr(made, "weight", 1))
        self._made, self._report, self._budget = made, report, budget
        self.failures = 0
        self.events = dict.fromkeys(events.ALL)
        self._nodes: list[Any] = []
        self._seen: list[Any] = []

    @property
    def resting(self) -> bool:
        return self.failures >= FAILURES

    def filter(self, cycle: Cycle) -> Mask | None:
        answer = self._call("filter", cycle)
        if answer is None:
            return None
        mask = np.ones(cycle.nodes.capacity, bool)
        mask[[position for position, _ in cycle.nodes.positions()]] = answer
        cycle.state[self.name] = mask
        return mask

    def explain(self, cycle: Cycle) -> list[Why]:
        return [Why(str(getattr(self._made, "reason", "") or f"node(s) didn't satisfy plugin {self.name}"))]

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        answer = self._call("score", cycle)
        if answer is None:
            return None
        scores = np.zeros(cycle.nodes.capacity)
        scores[[position for position, _ in cycle.nodes.positions()]] = np.clip(answer, 0, MAX_NODE_SCORE)
        return scores

    def _call(self, point: str, cycle: Cycle) -> Sequence[Any] | None:
        """What the plugin answers for all nodes; None if it has no opinion or failed."""
        function = getattr(self._made, point, None)
        if function is None or self.resting:
            return None
        nodes = self._views(cycle)
        began = time.perf_counter()
        try:
            with limited(self._budget):
                answer = function(plain(cycle.pod.pod), nodes)
            if answer is None:
                self.failures = 0
                return None
            found = np.asarray(answer, bool if point == "filter" else float)
            if found.shape != (len(nodes),) or not np.isfinite(found).all():
                raise ValueError(f"the answer needs one value for each of {len(nodes)} nodes")
        except TooSlow:
            self._failed(point, "timeout", f"took longer than {self._budget * 1000:.0f} ms")
        except Exception as error:  # noqa: BLE001 - whatever a user's plugin does must not stop the scheduler
            self._failed(point, "error", f"{type(error).__name__}: {error}")
        else:
            if time.perf_counter() - began > self._budget:
                self._failed(point, "timeout", f"took longer than {self._budget * 1000:.0f} ms")
                return None
            self.failures = 0
            values: Sequence[Any] = found.tolist()
            return values
        return None

    def _views(self, cycle: Cycle) -> list[Any]:
        """The nodes as manifests; made anew only for nodes that changed."""
        present = [node for _, node in cycle.nodes.positions()]
        if len(present) != len(self._seen) or any(a is not b for a, b in zip(present, self._seen, strict=True)):
            known = {id(node): view for node, view in zip(self._seen, self._nodes, strict=True)}
            self._nodes = [known.get(id(node)) or plain(node) for node in present]
            self._seen = present
        return self._nodes

    def _failed(self, point: str, reason: str, message: str) -> None:
        self.failures += 1
        if self.resting:
            message += "; it rests until its file changes"
        self._report(self.name, point, reason, message)


class UserPlugins:
    """The plugins of one folder."""

    def __init__(self, folder: str, report: Report, budget: float = BUDGET) -> None:
        self._folder, self._report, self._budget = pathlib.Path(folder), report, budget
        self._files: dict[pathlib.Path, tuple[tuple[int, int], list[UserPlugin]]] = {}

    @property
    def plugins(self) -> list[UserPlugin]:
        """Those in force, by file name; a name that comes twice counts once."""
        found: dict[str, UserPlugin] = {}
        for _, (_, plugins) in sorted(self._files.items()):
            for plugin in plugins:
                found.setdefault(plugin.name, plugin)
        return list(found.values())

    def refresh(self) -> bool:
        """Loads what is new or changed, drops what is gone; whether anything is different."""
        try:
            present = {path: _mark(path) for path in self._folder.glob("*.py")}
        except OSError as error:
            log.warning("Cannot read the folder of plugins", folder=self._folder, error=error)
            return False
        different = False
        for path in [path for path in self._files if path not in present]:
            del self._files[path]
            different = True
        for path, mark in present.items():
            if path not in self._files or self._files[path][0] != mark:
                # A file that cannot be loaded leaves what it gave before in force.
                kept = self._files[path][1] if path in self._files else []
                loaded = self._load(path)
                self._files[path] = mark, kept if loaded is None else loaded
                different = True
        return different

    def _load(self, path: pathlib.Path) -> list[UserPlugin] | None:
        module = ModuleType(f"kubelite_user_plugin_{path.stem}")
        module.__file__ = str(path)
        setattr(module, TOO_SLOW, TooSlow)
        try:
            with limited(20 * self._budget):
                exec(compiled(path.read_text(), str(path)), module.__dict__)
                classes = getattr(module, "PLUGINS", None) or [module.Plugin]
                made = [UserPlugin(one(), self._report, self._budget) for one in classes]
        except (TooSlow, Exception) as error:  # noqa: BLE001 - a broken file must not stop the scheduler
            self._report(path.stem, "load", "error", f"{type(error).__name__}: {error}")
            return None
        log.info("Loaded plugins", file=path.name, plugins=", ".join(plugin.name for plugin in made))
        return made


def _mark(path: pathlib.Path) -> tuple[int, int]:
    """Differs when a file has changed."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size
