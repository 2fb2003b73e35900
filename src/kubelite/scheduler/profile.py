"""A profile: the plugins of one scheduler name, with their arguments and weights.

What: `Profile` holds what `cycle.Scheduler` runs: filters in their order, scores with weights, the attempts to make room.
Why: one process can serve several scheduler names, each with plugins of its own. `default_profile()` is upstream's default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubelite.scheduler.framework import FilterPlugin, ScorePlugin
from kubelite.scheduler.plugins.default_preemption import DefaultPreemption
from kubelite.scheduler.plugins.registry import DEFAULT_ORDER, FILTERS, POST_FILTERS, SCORES, WEIGHTS

DEFAULT_NAME = "default-scheduler"


@dataclass(slots=True)
class Profile:
    """The plugins of one scheduler name."""

    name: str = DEFAULT_NAME
    filters: list[FilterPlugin] = field(default_factory=list)
    scores: list[tuple[ScorePlugin, int]] = field(default_factory=list)
    post_filters: list[str] = field(default_factory=list)
    """The names of those that try to make room, in order."""
    preemption: DefaultPreemption | None = None
    percentage: int = 100
    """How many of the nodes are looked at until enough are found, in percent."""
    disabled: frozenset[str] = frozenset()
    """Plugins that the configuration takes out by name; user plugins look here."""
    gates: bool = True
    """Whether pods with scheduling gates are held back (SchedulingGates)."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The names that a profile runs at each extension point, in order."""

    filters: tuple[str, ...]
    scores: tuple[tuple[str, int], ...]
    post_filters: tuple[str, ...]


def default_selection() -> Selection:
    return Selection(
        tuple(name for name in DEFAULT_ORDER if name in FILTERS),
        tuple((name, WEIGHTS.get(name, 1)) for name in DEFAULT_ORDER if name in SCORES),
        tuple(name for name in DEFAULT_ORDER if name in POST_FILTERS),
    )


def build(
    name: str = DEFAULT_NAME,
    selection: Selection | None = None,
    args: Mapping[str, Any] | None = None,
    percentage: int = 100,
) -> Profile:
    """Makes the plugins; one that both filters and scores is one object."""
    chosen, given = selection or default_selection(), args or {}
    made: dict[str, Any] = {}

    def plugin(key: str) -> Any:
        if key not in made:
            factory = FILTERS.get(key) or SCORES[key]
            made[key] = factory(given[key]) if key in given else factory()
        return made[key]

    preempts = DefaultPreemption.name in chosen.post_filters
    return Profile(
        name,
        [plugin(key) for key in chosen.filters],
        [(plugin(key), weight) for key, weight in chosen.scores],
        list(chosen.post_filters),
        DefaultPreemption(given.get(DefaultPreemption.name)) if preempts else None,
        percentage,
    )


def with_user_plugins(profile: Profile, builtin: Profile, plugins: Sequence[Any]) -> None:
    """Puts user plugins behind the built-in ones, where the configuration does not take them out by name."""
    wanted = [plugin for plugin in plugins if plugin.name not in profile.disabled]
    profile.filters = [*builtin.filters, *wanted]
    profile.scores = [*builtin.scores, *((plugin, plugin.weight) for plugin in wanted)]


def default_profile(name: str = DEFAULT_NAME) -> Profile:
    return build(name)
