"""From the profiles of a configuration to those that run.

What: `build_profiles(configuration)` makes each profile's plugins. Rules: the plugins under `multiPoint` are merged with the
defaults, then at each extension point: those named there that multiPoint has too, in the order given there, then the rest of
multiPoint less what is disabled, then the others named there. A score that is named without a weight weighs 1.
Upstream: apis/config/v1/default_plugins.go, framework/runtime expandMultiPoint.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from kubelite.scheduler import profile as made
from kubelite.scheduler.config.load import ConfigurationError
from kubelite.scheduler.config.types import Configuration, Plugin, Plugins, PluginSet, Profile
from kubelite.scheduler.plugins.args import NodeResourcesFitArgs
from kubelite.scheduler.plugins.registry import DEFAULT_ORDER, FILTERS, POST_FILTERS, SCORES, WEIGHTS

IMPLEMENTED: dict[str, Collection[str]] = {
    "preEnqueue": ("SchedulingGates", "DefaultPreemption", "DynamicResources"),
    "queueSort": ("PrioritySort",),
    "filter": FILTERS,
    "postFilter": POST_FILTERS,
    "score": SCORES,
    "bind": ("DefaultBinder",),
}
TYPES = {
    "preFilter": "PreFilterPlugin",
    "filter": "FilterPlugin",
    "postFilter": "PostFilterPlugin",
    "reserve": "ReservePlugin",
    "preScore": "PreScorePlugin",
    "score": "ScorePlugin",
    "preBind": "PreBindPlugin",
    "bind": "BindPlugin",
    "postBind": "PostBindPlugin",
    "permit": "PermitPlugin",
    "preEnqueue": "PreEnqueuePlugin",
    "queueSort": "QueueSortPlugin",
}
"""The extension points in the order in which upstream looks at them."""

TOGETHER: dict[str, Collection[str]] = {
    "preFilter": (
        *("NodeAffinity", "NodePorts", "NodeResourcesFit", "VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding"),
        *("VolumeZone", "PodTopologySpread", "InterPodAffinity", "DynamicResources", "NodeDeclaredFeatures"),
    ),
    "preScore": (
        *("TaintToleration", "NodeAffinity", "NodeResourcesFit", "VolumeBinding", "PodTopologySpread"),
        *("InterPodAffinity", "NodeResourcesBalancedAllocation"),
    ),
    "reserve": ("VolumeBinding", "DynamicResources"),
    "permit": (),
    "preBind": ("VolumeBinding", "DynamicResources"),
    "postBind": (),
}
"""Points that are steps of a plugin's filter, score or binding here, with the plugins that upstream has there."""


def build_profiles(configuration: Configuration) -> list[made.Profile]:
    """The profiles, ready to run. Raises ConfigurationError."""
    return [_build(configuration, profile) for profile in configuration.profiles]


def _build(configuration: Configuration, profile: Profile) -> made.Profile:
    name = profile.schedulerName or made.DEFAULT_NAME
    try:
        return _make(configuration, profile, name)
    except ConfigurationError as error:
        text = f"initializing profiles: creating profile for scheduler name {name}: {error}"
        raise ConfigurationError(text) from None


def _make(configuration: Configuration, profile: Profile, name: str) -> made.Profile:
    plugins = profile.plugins or Plugins()
    multi = merged(plugins.multiPoint)
    _check(plugins, multi)
    _check_steps(plugins, {plugin.name for plugin in multi})
    points = {point: _expand(point, multi, getattr(plugins, point)) for point in IMPLEMENTED}
    if len(points["queueSort"]) != 1:
        number = len(points["queueSort"])
        raise ConfigurationError(
            f'only one queue sort plugin required for profile with scheduler name "{name}", but got {number}'
        )
    if not points["bind"]:
        raise ConfigurationError(f'at least one bind plugin is needed for profile with scheduler name "{name}"')
    selection = made.Selection(
        tuple(plugin.name for plugin in points["filter"]),
        tuple((p.name, p.weight or 1) for p in points["score"]),
        tuple(plugin.name for plugin in points["postFilter"]),
    )
    percentage = profile.percentageOfNodesToScore
    if percentage is None:
        percentage = configuration.percentageOfNodesToScore
    args = {item.name: item.args for item in profile.pluginConfig}
    ignored = [r.name for e in configuration.extenders for r in e.managedResources if r.ignoredByScheduler]
    if ignored:
        fit = msgspec.structs.replace(args.get("NodeResourcesFit") or NodeResourcesFitArgs())
        fit.ignoredResources = [*fit.ignoredResources, *ignored]
        args["NodeResourcesFit"] = fit
    built = made.build(name, selection, args, percentage or 100)
    built.gates = any(plugin.name == "SchedulingGates" for plugin in points["preEnqueue"])
    built.disabled = frozenset(
        plugin.name for point in ("multiPoint", "filter", "score") for plugin in getattr(plugins, point).disabled
    )
    return built


def _check(plugins: Plugins, multi: Sequence[Plugin]) -> None:
    """Plugins that do not exist, that do nothing at a point, or that are named twice."""
    for point, type_ in TYPES.items():
        own: set[str] = set()
        for plugin in getattr(plugins, point).enabled:
            if plugin.name not in DEFAULT_ORDER:
                raise ConfigurationError(f'{type_} "{plugin.name}" does not exist')
            if plugin.name not in _working(point):
                raise ConfigurationError(f'plugin "{plugin.name}" does not extend {type_} plugin')
            if plugin.name in own:
                raise ConfigurationError(f'plugin "{plugin.name}" already registered as "{type_}"')
            own.add(plugin.name)
    for point, type_ in TYPES.items():
        asked: PluginSet = getattr(plugins, point)
        disabled = {plugin.name for plugin in asked.disabled}
        passed = disabled | {plugin.name for plugin in asked.enabled}
        seen: set[str] = set()
        for plugin in multi if "*" not in disabled else ():
            if plugin.name not in DEFAULT_ORDER:
                raise ConfigurationError(f'{type_} "{plugin.name}" does not exist')
            if plugin.name in seen:
                raise ConfigurationError(f'plugin "{plugin.name}" already registered as "{type_}"')
            if plugin.name in _working(point) and plugin.name not in passed:
                seen.add(plugin.name)


def _working(point: str) -> Collection[str]:
    """The plugins that upstream has at a point."""
    return IMPLEMENTED[point] if point in IMPLEMENTED else TOGETHER[point]


def _check_steps(plugins: Plugins, running: Collection[str]) -> None:
    """What is asked for at points that cannot be configured alone must be what runs anyway."""
    for point in TOGETHER:
        asked: PluginSet = getattr(plugins, point)
        for plugin in asked.enabled:
            if plugin.name not in running:
                raise ConfigurationError(
                    f'"{plugin.name}" cannot be enabled at {point} alone: enable it under multiPoint'
                )
        if asked.disabled:
            raise ConfigurationError(
                f'"{asked.disabled[0].name}" cannot be disabled at {point} alone: disable it under multiPoint'
            )


def merged(custom: PluginSet) -> list[Plugin]:
    """The default plugins with those of `multiPoint` put in, and the disabled ones left out."""
    disabled = {plugin.name for plugin in custom.disabled}
    given = {plugin.name: number for number, plugin in enumerate(custom.enabled)}
    found: list[Plugin] = []
    placed: set[int] = set()
    for name in DEFAULT_ORDER if "*" not in disabled else ():
        if name in disabled:
            continue
        number = given.get(name)
        if number is None:
            found.append(Plugin(name=name, weight=WEIGHTS.get(name)))
        else:
            found.append(custom.enabled[number])
            placed.add(number)
    return found + [plugin for number, plugin in enumerate(custom.enabled) if number not in placed]


def _expand(point: str, multi: Sequence[Plugin], own: PluginSet) -> list[Plugin]:
    implemented, disabled = IMPLEMENTED[point], {plugin.name for plugin in own.disabled}
    named = {plugin.name for plugin in own.enabled}
    if "*" in disabled:
        return list(own.enabled)
    shared = {plugin.name for plugin in multi if plugin.name in named and plugin.name not in disabled}
    rest = [p for p in multi if p.name in implemented and p.name not in named and p.name not in disabled]
    return [
        *(plugin for plugin in own.enabled if plugin.name in shared),
        *rest,
        *(plugin for plugin in own.enabled if plugin.name not in shared),
    ]
