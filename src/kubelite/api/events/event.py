"""Event of events.k8s.io/v1: the newer view of the events stored as core/v1.

`regarding` is `involvedObject`, `note` is `message`; counts and times of the older form have the prefix `deprecated`. The
conversions follow pkg/apis/events/v1/conversion.go, the stricter rules ValidateEventCreate and ValidateEventUpdate.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.core.event import EVENT, EVENT_COLUMNS, row
from kubelite.api.types import core_v1, events_v1
from kubelite.machinery import fielderrors
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Kind

_SHARED = ("metadata", "action", "eventTime", "reason", "related", "reportingInstance", "type")
_RENAMED = (
    ("deprecatedCount", "count"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedSource", "source"),
    ("note", "message"),
    ("regarding", "involvedObject"),
    ("reportingController", "reportingComponent"),
)
_FIXED = (
    ("involvedObject", "involvedObject"),
    ("reason", "reason"),
    ("message", "message"),
    ("source", "source"),
    ("firstTimestamp", "firstTimestamp"),
    ("lastTimestamp", "lastTimestamp"),
    ("count", "count"),
    ("type", "type"),
    ("eventTime", "eventTime"),
    ("action", "action"),
    ("related", "related"),
    ("reportingController", "reportingComponent"),
    ("reportingInstance", "reportingInstance"),
)


def to_stored(event: events_v1.Event) -> core_v1.Event:
    """The same event as core/v1."""
    values: dict[str, Any] = {name: getattr(event, name) for name in _SHARED}
    values.update({old: getattr(event, new) for new, old in _RENAMED})
    if event.series is not None:
        values["series"] = core_v1.EventSeries(count=event.series.count, lastObservedTime=event.series.lastObservedTime)
    return core_v1.Event(apiVersion="v1", kind="Event", **values)


def from_stored(event: core_v1.Event) -> events_v1.Event:
    """The same event as events.k8s.io/v1."""
    values: dict[str, Any] = {name: getattr(event, name) for name in _SHARED}
    values.update({new: getattr(event, old) for new, old in _RENAMED})
    if event.series is not None:
        values["series"] = events_v1.EventSeries(
            count=event.series.count, lastObservedTime=event.series.lastObservedTime
        )
    return events_v1.Event(apiVersion="events.k8s.io/v1", kind="Event", **values)


def validate(event: core_v1.Event) -> list[FieldError]:
    """What this version demands beyond core/v1, of a new event in its stored form."""
    errors = EVENT.validate(event) + _validate_series(event)
    if not event.eventTime:
        errors.append(fielderrors.required(Path("eventTime")))
    if event.type not in ("Normal", "Warning"):
        errors.append(fielderrors.invalid(Path("type"), "", f"has invalid value: {event.type}"))
    for name in ("firstTimestamp", "lastTimestamp", "count"):
        if getattr(event, name):
            errors.append(fielderrors.invalid(Path(name), "", "needs to be unset"))
    if event.source is not None and (event.source.component or event.source.host):
        errors.append(fielderrors.invalid(Path("source"), "", "needs to be unset"))
    return errors


def validate_update(new: core_v1.Event, old: core_v1.Event) -> list[FieldError]:
    """Only the series may change."""
    errors = _validate_series(new) if new.series != old.series else []
    for shown, name in _FIXED:
        errors += fielderrors.immutable(Path(shown), getattr(new, name), getattr(old, name))
    return errors


def _validate_series(event: core_v1.Event) -> list[FieldError]:
    if event.series is None:
        return []
    errors: list[FieldError] = []
    if (event.series.count or 0) < 2:
        errors.append(fielderrors.invalid(Path("series.count"), "", "should be at least 2"))
    if not event.series.lastObservedTime:
        errors.append(fielderrors.required(Path("series.lastObservedTime")))
    return errors


EVENTS_V1_EVENT = Kind(
    group="events.k8s.io",
    version="v1",
    kind="Event",
    plural="events",
    type=events_v1.Event,
    short_names=("ev",),
    storage_prefix="events",
    stored_as=EVENT,
    to_stored=to_stored,
    from_stored=from_stored,
    own_rules=True,
    create_on_update=True,
    validate=validate,
    validate_update=validate_update,
    columns=EVENT_COLUMNS,
    row=row,
    selectable={
        **{
            name.replace("involvedObject.", "regarding."): read
            for name, read in EVENT.selectable.items()
            if name.startswith("involvedObject.")
        },
        "reason": EVENT.selectable["reason"],
        "reportingController": EVENT.selectable["reportingComponent"],
        "type": EVENT.selectable["type"],
    },
)
"""`validate`, `validate_update`, `row` and `selectable` take the stored (core/v1) object."""
