"""Event: what happened to an object, for people to read. Stored as core/v1, also served as events.k8s.io/v1.

Events expire (the server writes them with a lease of one hour). Rules follow pkg/apis/core/validation/events.go.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api.types.core_v1 import Event, ObjectReference
from kubelite.machinery import fielderrors, names
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Column, Kind

TTL_SECONDS = 3600
_LIMITS = (("reportingInstance", 128), ("action", 128), ("reason", 128))
_NOTE_LIMIT = 1024
_NAMESPACE = Path("involvedObject") / "namespace"


def involved(event: Event) -> ObjectReference:
    """The object that the event is about; an empty reference if there is none."""
    return event.involvedObject or ObjectReference()


def validate(event: Event) -> list[FieldError]:
    namespace = event.metadata.namespace
    about = involved(event).namespace
    errors: list[FieldError] = []
    if not event.eventTime:
        agrees = about == namespace if about else namespace in ("", "default")
    else:
        agrees = bool(about) or namespace in ("default", "kube-system")
    if not agrees:
        errors.append(fielderrors.invalid(_NAMESPACE, about, "does not match event.namespace"))
    if event.eventTime:
        errors += _validate_new_style(event)
    for complaint in names.dns1123_subdomain(namespace):
        errors.append(fielderrors.invalid(Path("namespace"), namespace, complaint))
    return errors


def _validate_new_style(event: Event) -> list[FieldError]:
    errors: list[FieldError] = []
    controller = Path("reportingController")
    if not event.reportingComponent:
        errors.append(fielderrors.required(controller))
    for complaint in names.qualified_name(event.reportingComponent):
        errors.append(fielderrors.invalid(controller, event.reportingComponent, complaint))
    for name, limit in _LIMITS:
        text = getattr(event, name)
        if not text:
            errors.append(fielderrors.required(Path(name)))
        if len(text.encode()) > limit:
            errors.append(fielderrors.invalid(Path(name), "", f"can have at most {limit} characters"))
    if len(event.message.encode()) > _NOTE_LIMIT:
        errors.append(fielderrors.invalid(Path("message"), "", f"can have at most {_NOTE_LIMIT} characters"))
    return errors


def source(event: Event) -> str:
    """The component that reported, and its host: `kubelet, node-1`."""
    component = event.source.component if event.source else ""
    host = event.source.host if event.source else ""
    component = component or event.reportingComponent
    host = host or event.reportingInstance
    return f"{component}, {host}" if host else component


def row(event: Event, now: datetime) -> list[Any]:
    first = columns.since(event.firstTimestamp or event.eventTime, now)
    last = columns.since(event.lastTimestamp, now) if event.lastTimestamp else first
    count = event.count or 1
    if event.series is not None:
        last = columns.since(event.series.lastObservedTime, now)
        count = event.series.count or 0
    about = involved(event)
    target = f"{about.kind.lower()}/{about.name}" if about.name else about.kind.lower()
    return [
        last,
        event.type,
        event.reason,
        target,
        about.fieldPath,
        source(event),
        event.message.strip(),
        first,
        count,
        event.metadata.name,
    ]


def _about(name: str) -> Callable[[Event], str]:
    return lambda event: str(getattr(event.involvedObject, name, ""))


def _reporter(event: Event) -> str:
    return (event.source.component if event.source else "") or event.reportingComponent


_REFERENCE_FIELDS = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")

EVENT_COLUMNS = (
    Column(name="Last Seen", description="When this was last observed."),
    Column(name="Type", description="Normal or Warning."),
    Column(name="Reason", description="One word for what happened."),
    Column(name="Object", description="The object that the event is about."),
    Column(name="Subobject", priority=1, description="The part of that object."),
    Column(name="Source", priority=1, description="The component that reported."),
    Column(name="Message", description="What happened, in words."),
    Column(name="First Seen", priority=1, description="When this was first observed."),
    Column(name="Count", priority=1, description="How often this was observed."),
    Column(name="Name", priority=1, format="name", description="Name must be unique within a namespace."),
)

EVENT = Kind(
    group="",
    version="v1",
    kind="Event",
    plural="events",
    type=Event,
    short_names=("ev",),
    create_on_update=True,
    validate=validate,
    columns=EVENT_COLUMNS,
    row=row,
    selectable={
        **{f"involvedObject.{name}": _about(name) for name in _REFERENCE_FIELDS},
        "reason": lambda event: str(event.reason),
        "reportingComponent": lambda event: str(event.reportingComponent),
        "source": _reporter,
        "type": lambda event: str(event.type),
    },
)
