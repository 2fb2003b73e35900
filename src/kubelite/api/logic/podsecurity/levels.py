"""Which level a namespace asks for.

What: `policy_of(labels, defaults)` reads the six labels of a namespace into a `Policy` and the complaints about them. Why: a
mistake in a label must be told when the namespace is written. Flow: labels in, levels out. Source:
pod-security-admission/api/helpers.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from kubelite.machinery import fielderrors
from kubelite.machinery.fielderrors import FieldError, Path

PREFIX = "pod-security.kubernetes.io/"
PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
LEVELS = (PRIVILEGED, BASELINE, RESTRICTED)
LATEST = 10_000
"""The version number that stands for "latest": newer than every v1.N."""
MODES = ("enforce", "audit", "warn")
_LABELS = frozenset(PREFIX + mode + suffix for mode in MODES for suffix in ("", "-version"))


@dataclass(frozen=True, slots=True)
class Level:
    """A level as of a version of Kubernetes: `version` is N of v1.N, or LATEST."""

    name: str = PRIVILEGED
    version: int = LATEST

    @property
    def rank(self) -> int:
        """How much it restricts."""
        return LEVELS.index(self.name)

    def __str__(self) -> str:
        return f"{self.name}:{'latest' if self.version == LATEST else f'v1.{self.version}'}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a namespace enforces, audits and warns of."""

    enforce: Level = Level()
    audit: Level = Level()
    warn: Level = Level()

    @property
    def is_privileged(self) -> bool:
        return self.enforce.name == self.audit.name == self.warn.name == PRIVILEGED


def policy_of(labels: Mapping[str, str], defaults: Policy) -> tuple[Policy, list[FieldError]]:
    """The policy, and what is wrong with the labels: an unknown level is enforced as restricted, and not audited or warned of."""
    policy = defaults
    errors: list[FieldError] = []
    if _LABELS.isdisjoint(labels):
        return policy, errors
    where = Path("metadata") / "labels"
    for mode in MODES:
        name, version = labels.get(PREFIX + mode), labels.get(f"{PREFIX}{mode}-version")
        level: Level = getattr(policy, mode)
        if name is not None:
            level = replace(level, name=name)
            if name not in LEVELS:
                level = replace(level, name=RESTRICTED if mode == "enforce" else PRIVILEGED)
                detail = f"must be one of {', '.join(LEVELS)}"
                errors.append(fielderrors.invalid(where.key(PREFIX + mode), name, detail))
        if version is not None:
            number = _number(version)
            if number is None:
                detail = 'must be "latest" or "v1.x"'
                errors.append(fielderrors.invalid(where.key(f"{PREFIX}{mode}-version"), version, detail))
            level = replace(level, version=LATEST if number is None else number)
        if name is not None or version is not None:
            policy = replace(policy, **{mode: level})
    if PREFIX + "enforce" in labels and PREFIX + "warn" not in labels and policy.enforce.rank > policy.warn.rank:
        policy = replace(policy, warn=policy.enforce)
    return policy, errors


def _number(text: str) -> int | None:
    if text == "latest":
        return LATEST
    match = re.fullmatch(r"v1\.(0|[1-9][0-9]*)", text)
    return None if match is None else int(match.group(1))
