"""How long simulated containers take to start, how long they run and how they end. Pure.

What: `Script` holds the wishes of the command line; `Script.of(pod)` adds those of the pod's annotations
`kubelite.io/simulate-*`; `Script.step(...)` says what one start of one container does. Why: the same seed and the same pod
give the same course, so a finding can be repeated. Flow: (seed, pod name, container, attempt) → hash → a number in [0, 1) →
durations and failures.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from kubelite.api.types.core_v1 import Pod
from kubelite.machinery import times

PREFIX = "kubelite.io/simulate-"
FAILED = 1
"""Exit code of a start that fails by chance."""
FAIL_AFTER = 1.0
"""Seconds that a failing container runs, where nothing bounds it otherwise."""
INIT_SECONDS = 0.1
"""How long an init container runs."""
_PLAIN = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Range:
    """Seconds between `low` and `high`."""

    low: float
    high: float

    def at(self, fraction: float) -> float:
        return self.low + (self.high - self.low) * fraction


def parse_range(text: str) -> Range:
    """`2s`, `0.2s..2s`, `500ms..1m`; numbers without a unit are seconds. ValueError says what is wrong."""
    first, dots, second = text.strip().partition("..")
    low = _seconds(first, text)
    high = _seconds(second, text) if dots else low
    if high < low:
        raise ValueError(f"invalid range {text!r}: it ends before it begins")
    return Range(low, high)


def _seconds(text: str, whole: str) -> float:
    try:
        seconds = float(text) if _PLAIN.fullmatch(text) else times.parse_duration(text)
    except ValueError:
        raise ValueError(f"invalid duration {whole!r}: such as 2s, or 0.2s..2s for a time between") from None
    if seconds < 0:
        raise ValueError(f"invalid duration {whole!r}: must not be negative")
    return seconds


def parse_share(text: str) -> float:
    """`1%` or `0.01`, from 0 to 1. ValueError says what is wrong."""
    number, percent, rest = text.strip().partition("%")
    if rest or not _PLAIN.fullmatch(number):
        raise ValueError(f"invalid share {text!r}: such as 1% or 0.01")
    share = float(number) / (100 if percent else 1)
    if share > 1:
        raise ValueError(f"invalid share {text!r}: must not be above 100%")
    return share


def parse_code(text: str) -> int:
    """An exit code, 0 to 255."""
    if not text.isascii() or not text.isdigit() or int(text) > 255:
        raise ValueError(f"invalid exit code {text!r}: must be 0 to 255")
    return int(text)


@dataclass(frozen=True, slots=True)
class Step:
    """One start of one container: seconds until it runs, seconds until it ends (None: it does not end), its exit code."""

    start: float
    run: float | None
    code: int


@dataclass(frozen=True, slots=True)
class Script:
    """What the simulated containers do."""

    start_time: Range = Range(0.2, 2.0)
    run_for: Range = Range(1.0, 5.0)
    """Of containers in pods that end by themselves (restartPolicy Never or OnFailure)."""
    stop_time: Range = Range(0.1, 1.0)
    fail: float = 0.0
    exit_code: int = 0
    ready_after: Range = Range(0.0, 0.0)
    ends: bool = False
    """The containers end although their pod restarts them."""
    seed: int = 0

    def of(self, pod: Pod) -> Script:
        """This with the pod's annotations. ValueError names the annotation that is wrong."""
        changes: dict[str, Any] = {}
        for key, value in pod.metadata.annotations.items():
            if not key.startswith(PREFIX):
                continue
            name = key.removeprefix(PREFIX)
            if name not in ANNOTATIONS:
                known = ", ".join(f"{PREFIX}{each}" for each in ANNOTATIONS)
                raise ValueError(f"unknown annotation {key}: known are {known}")
            field, parse = ANNOTATIONS[name]
            try:
                changes[field] = parse(value)
            except ValueError as error:
                raise ValueError(f"annotation {key}: {error}") from None
        if "run_for" in changes or pod.spec.restartPolicy in ("Never", "OnFailure"):
            changes["ends"] = True
        return replace(self, **changes) if changes else self

    def step(self, pod: Pod, kind: str, name: str, attempt: int) -> Step:
        """The start number `attempt` of a container; `kind` is `init`, `sidecar`, `main` or `ephemeral`."""
        meta = pod.metadata

        def chance(what: str) -> float:
            return _fraction(self.seed, meta.namespace, meta.name, name, attempt, what)

        start = self.start_time.at(chance("start"))
        run: float | None = None
        if kind == "init":
            run = INIT_SECONDS
        elif kind == "main" and self.ends:
            run = self.run_for.at(chance("run"))
        if self.fail and chance("fail") < self.fail:
            return Step(start, FAIL_AFTER if run is None else run, FAILED)
        return Step(start, run, self.exit_code if kind == "main" else 0)

    def stopping(self, pod: Pod, grace: float) -> float:
        """Seconds between the stop signal and the end of the pod's containers."""
        return min(grace, self.stop_time.at(_fraction(self.seed, pod.metadata.namespace, pod.metadata.name, "stop")))

    def readiness(self, pod: Pod, name: str) -> float:
        """Seconds until a container with a readiness probe passes it."""
        return self.ready_after.at(_fraction(self.seed, pod.metadata.namespace, pod.metadata.name, name, "ready"))


ANNOTATIONS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "start-time": ("start_time", parse_range),
    "run-for": ("run_for", parse_range),
    "stop-time": ("stop_time", parse_range),
    "ready-after": ("ready_after", parse_range),
    "fail": ("fail", parse_share),
    "exit-code": ("exit_code", parse_code),
}
"""Annotation behind the prefix → field and parser."""


def _fraction(*words: object) -> float:
    """A number in [0, 1) that depends on the words alone."""
    digest = blake2b("\0".join(map(str, words)).encode(), digest_size=7).digest()
    return int.from_bytes(digest) / 2**56
