"""From the profiles of a configuration to those that run.

What: `build_profiles(configuration)` makes each profile's plugins. Rules: the plugins under `multiPoint` are merged with the
defaults, then at each extension point: those named there that multiPoint has too, in the order given there, then the rest of
multiPoint less what is disabled, then the others named there.
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
    "preEnqueue": "PreEnqueuePlugin",
    "queueSort": "QueueSortPlugin",
    "filter": "FilterPlugin",
    "postFilter": "PostFilterPlugin",
    "score": "ScorePlugin",
    "bind": "BindPlugin",
}

TOGETHER: dict[str, tuple[str, Collection[str]]] = {
    "preFilter": (
        "PreFilterPlugin",
        (
            "NodeAffinity",
            "NodePorts",
            "NodeResourcesFit",
            "VolumeRestrictions",
            "NodeVolumeLimits",
            "VolumeBinding",
            "VolumeZone",
            "PodTopologySpread",
            "InterPodAffinity",
            "DynamicResources",
        ),
    ),
    "preScore": (
        "PreScorePlugin",
        (
            "TaintToleration",
            "NodeAffinity",
            "NodeResourcesFit",
            "VolumeBinding",
            "PodTopologySpread",
            "InterPodAffinity",
            "NodeResourcesBalancedAllocation",
        ),
    ),
    "reserve": ("ReservePlugin", ("VolumeBinding", "DynamicResources")),
    "permit": ("PermitPlugin", ()),
    "preBind": ("PreBindPlugin", ("VolumeBinding", "DynamicResources")),
    "postBind": ("PostBindPlugin", ()),
}
"""Points that are steps of a plugin's filter, score or binding here, with the plugins that upstream has there."""


def build_profiles(configuration: Configuration) -> list[made.Profile]:
    """The profiles, ready to run. Raises ConfigurationError."""
    return [_build(configuration, profile) for profile in configuration.profiles]


def _build(configuration: Configuration, profile: Profile) -> made.Profile:
    name, plugins = profile.schedulerName or made.DEFAULT_NAME, profile.plugins or Plugins()
    multi = merged(plugins.multiPoint)
    _check_steps(plugins, {plugin.name for plugin in multi})
    points = {point: _expand(name, point, multi, getattr(plugins, point)) for point in IMPLEMENTED}
    if len(points["queueSort"]) != 1:
        number = len(points["queueSort"])
        raise ConfigurationError(
            f'only one queue sort plugin required for profile with scheduler name "{name}", but got {number}'
        )
    if not points["bind"]:
        raise ConfigurationError(f'at least one bind plugin is needed for profile with scheduler name "{name}"')
    selection = made.Selection(
        tuple(plugin.name for plugin in points["filter"]),
        tuple((p.name, p.weight or WEIGHTS.get(p.name, 1)) for p in points["score"]),
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


def _check_steps(plugins: Plugins, running: Collection[str]) -> None:
    """What is asked for at points that cannot be configured alone must be what runs anyway."""
    for point, (type_, known) in TOGETHER.items():
        asked: PluginSet = getattr(plugins, point)
        for plugin in asked.enabled:
            if plugin.name not in known:
                raise ConfigurationError(f'initializing profiles: {type_} "{plugin.name}" does not exist')
            if plugin.name not in running:
                text = f'"{plugin.name}" cannot be enabled at {point} alone: enable it under multiPoint'
                raise ConfigurationError(f"initializing profiles: {text}")
        if asked.disabled:
            text = f'"{asked.disabled[0].name}" cannot be disabled at {point} alone: disable it under multiPoint'
            raise ConfigurationError(f"initializing profiles: {text}")


def merged(custom: PluginSet) -> list[Plugin]:
    """The default plugins with those of `multiPoint` put in, and the disabled ones left out."""
    disabled = {plugin.name for plugin in custom.disabled}
    given = {plugin.name: plugin for plugin in custom.enabled}
    found: list[Plugin] = []
    if "*" not in disabled:
        found = [
            given.get(name) or Plugin(name=name, weight=WEIGHTS.get(name))
            for name in DEFAULT_ORDER
            if name not in disabled
        ]
    there = {plugin.name for plugin in found}
    return found + [plugin for plugin in custom.enabled if plugin.name not in there]


def _expand(profile: str, point: str, multi: Sequence[Plugin], own: PluginSet) -> list[Plugin]:
    implemented, disabled = IMPLEMENTED[point], {plugin.name for plugin in own.disabled}
    named = {plugin.name for plugin in own.enabled}
    for plugin in own.enabled:
        if plugin.name not in implemented:
            raise ConfigurationError(f'initializing profiles: {TYPES[point]} "{plugin.name}" does not exist')
    if len(named) != len(own.enabled):
        twice = next(p.name for i, p in enumerate(own.enabled) if p.name in {q.name for q in own.enabled[:i]})
        raise ConfigurationError(f'initializing profiles: plugin "{twice}" already registered as "{TYPES[point]}"')
    for plugin in multi:
        if plugin.name not in DEFAULT_ORDER:
            raise ConfigurationError(f'initializing profiles: plugin "{plugin.name}" does not exist')
    shared = {plugin.name for plugin in multi if plugin.name in named}
    rest = [
        plugin
        for plugin in multi
        if plugin.name in implemented
        and plugin.name not in named
        and plugin.name not in disabled
        and "*" not in disabled
    ]
    return [
        *(plugin for plugin in own.enabled if plugin.name in shared),
        *rest,
        *(plugin for plugin in own.enabled if plugin.name not in shared),
    ]
