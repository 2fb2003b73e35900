"""What a KubeSchedulerConfiguration must hold to, in upstream's words.

What: `validate(configuration)` → field errors. Upstream: scheduler/apis/config/validation/validation.go,
component-base/config/validation. Arguments of plugins: `config.arguments`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names, times
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.scheduler.config.arguments import VALIDATORS
from kubelite.scheduler.config.types import (
    API_VERSION,
    POINTS,
    ClientConnection,
    Configuration,
    Extender,
    LeaderElection,
    Profile,
)
from kubelite.scheduler.plugins.resources_fit import is_extended

ROOT = Path()
JSON = "application/json"
REMOVED = ("AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits")
WAS_INVALID = f'was invalid in version "{API_VERSION}" (KubeSchedulerConfiguration is version "{API_VERSION}")'


def validate(configuration: Configuration) -> list[FieldError]:
    """Everything that is wrong."""
    root, errors = ROOT, []
    errors += _connection(configuration.clientConnection, root / "clientConnection")
    errors += _leader_election(configuration.leaderElection, (root / "leaderElection"))
    if configuration.parallelism <= 0:
        path = root / "parallelism"
        errors.append(fe.invalid(path, configuration.parallelism, "should be an integer value greater than zero"))
    errors += _profiles(configuration.profiles, (root / "profiles"))
    errors += _percentage((root / "percentageOfNodesToScore"), configuration.percentageOfNodesToScore)
    first, last = configuration.podInitialBackoffSeconds, configuration.podMaxBackoffSeconds
    if first <= 0:
        errors.append(fe.invalid((root / "podInitialBackoffSeconds"), first, "must be greater than 0"))
    if last < first:
        text = "must be greater than or equal to PodInitialBackoffSeconds"
        errors.append(fe.invalid((root / "podMaxBackoffSeconds"), last, text))
    return errors + _extenders(configuration.extenders, (root / "extenders"))


def _connection(found: ClientConnection, path: Path) -> list[FieldError]:
    """JSON is what is spoken: other encodings are refused rather than left aside."""
    errors = [fe.invalid(path / "burst", found.burst, "must be non-negative")] if found.burst < 0 else []
    if found.contentType not in ("", JSON):
        errors.append(fe.not_supported(path / "contentType", found.contentType, [JSON]))
    accepted = {part.partition(";")[0].strip() for part in found.acceptContentTypes.split(",")}
    if found.acceptContentTypes and not accepted & {JSON, "application/*", "*/*"}:
        errors.append(fe.not_supported(path / "acceptContentTypes", found.acceptContentTypes, [JSON]))
    return errors


def _seconds(text: str, path: Path, errors: list[FieldError]) -> float:
    try:
        return times.parse_duration(text)
    except ValueError:
        errors.append(fe.invalid(path, text, "must be a duration"))
        return 0.0


def _leader_election(found: LeaderElection, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    if not found.leaderElect:
        return errors
    parts = ("leaseDuration", "renewDeadline", "retryPeriod")
    values = {name: _seconds(getattr(found, name), (path / name), errors) for name in parts}
    if errors:
        return errors
    for name, value in values.items():
        if value <= 0:
            errors.append(fe.invalid((path / name), getattr(found, name), "must be greater than zero"))
    if values["leaseDuration"] < values["renewDeadline"]:
        text = "LeaseDuration must be greater than RenewDeadline"
        errors.append(fe.invalid((path / "leaseDuration"), found.renewDeadline, text))
    if not found.resourceLock:
        errors.append(fe.required((path / "resourceLock"), "resourceLock is required"))
    if not found.resourceNamespace:
        errors.append(fe.required((path / "resourceNamespace"), "resourceNamespace is required"))
    if not found.resourceName:
        errors.append(fe.required((path / "resourceName"), "resourceName is required"))
    if found.resourceLock != "leases":
        errors.append(fe.invalid((path / "resourceLock"), found.resourceLock, 'resourceLock value must be "leases"'))
    return errors


def _percentage(path: Path, value: int | None) -> list[FieldError]:
    if value is None or 0 <= value <= 100:
        return []
    return [fe.invalid(path, value, "not in valid range [0-100]")]


def _profiles(profiles: Sequence[Profile], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: dict[str, int] = {}
    for i, profile in enumerate(profiles):
        here, name = path.index(i), profile.schedulerName or ""
        if not name:
            errors.append(fe.required(here / "schedulerName"))
        errors += _percentage((here / "percentageOfNodesToScore"), profile.percentageOfNodesToScore)
        errors += _plugins(here, profile)
        if name in seen:
            other = path.index(seen[name]) / "schedulerName"
            errors.append(fe.duplicate((here / "schedulerName"), str(other)))
        seen[name] = i
    return errors + _queue_sort(profiles, path)


def _plugins(path: Path, profile: Profile) -> list[FieldError]:
    errors: list[FieldError] = []
    if profile.plugins is not None:
        for point in POINTS:
            enabled = path / "plugins" / point / "enabled"
            for i, plugin in enumerate(getattr(profile.plugins, point).enabled):
                if plugin.name in REMOVED:
                    errors.append(fe.invalid(enabled.index(i), plugin.name, WAS_INVALID))
    seen: set[str] = set()
    for i, item in enumerate(profile.pluginConfig):
        here = (path / "pluginConfig").index(i)
        if item.name in seen:
            errors.append(fe.duplicate(here, item.name))
        seen.add(item.name)
        if item.name in REMOVED:
            errors.append(fe.invalid(here, item.name, WAS_INVALID))
        elif item.name in VALIDATORS:
            errors += VALIDATORS[item.name]((here / "args"), item.args)
    return errors


def _queue_sort(profiles: Sequence[Profile], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    sets = [p.plugins.queueSort if p.plugins is not None else None for p in profiles]
    enabled = [[plugin.name for plugin in s.enabled] if s is not None else [] for s in sets]
    disabled = [[plugin.name for plugin in s.disabled] if s is not None else [] for s in sets]
    if enabled and len(enabled[0]) > 1:
        here = path.index(0) / "plugins" / "queueSort" / "Enabled"
        errors.append(fe.invalid(here, len(enabled[0]), "only one queue sort plugin can be enabled"))
    for i in range(1, len(sets)):
        if (enabled[i], disabled[i]) != (enabled[0], disabled[0]):
            here = path.index(i) / "plugins" / "queueSort"
            shown: Any = {"enabled": enabled[i], "disabled": disabled[i]}
            errors.append(fe.invalid(here, shown, "must be the same for all profiles"))
    return errors


def _extenders(extenders: Sequence[Extender], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    managed: set[str] = set()
    for i, extender in enumerate(extenders):
        here = path.index(i)
        if extender.prioritizeVerb and extender.weight <= 0:
            errors.append(fe.invalid((here / "weight"), extender.weight, "must have a positive weight applied to it"))
        _seconds(extender.httpTimeout, (here / "httpTimeout"), errors)
        for j, resource in enumerate(extender.managedResources):
            name = (here / "managedResources").index(j) / "name"
            complaints = names.qualified_name(resource.name)
            errors += [fe.invalid(name, resource.name, text) for text in complaints]
            if not complaints and not is_extended(resource.name):
                errors.append(fe.invalid(name, resource.name, "is an invalid extended resource name"))
            if resource.name in managed:
                errors.append(fe.invalid(name, resource.name, "duplicate extender managed resource name"))
            managed.add(resource.name)
    binders = sum(1 for extender in extenders if extender.bindVerb)
    if binders > 1:
        text = f"found {binders} extenders implementing bind"
        errors.append(fe.invalid(path, text, "only one extender can implement bind"))
    return errors
