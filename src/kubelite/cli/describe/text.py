"""The parts that descriptions are made of: indented, tab-aligned lines, labels, annotations, times, events.

What: `Lines` collects text and aligns it block by block; the functions below write what many kinds share. Why: the layout of
`kubectl describe` is read by people and scripts. Flow: plain objects in, lines out, `render()` at the end.
Follows kubectl/pkg/describe/describe.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from kubelite.cli.outcome import LAST_APPLIED
from kubelite.cli.tabwriter import align
from kubelite.machinery import times

Object = dict[str, Any]
MAX_ANNOTATION = 140


class Lines:
    """Text under construction; `now` is what ages are counted from. Unless `aligned`, the tabs stay."""

    def __init__(self, now: datetime, *, aligned: bool = True) -> None:
        self.now = now
        self._aligned = aligned
        self._done: list[str] = []
        self._open = ""

    def add(self, level: int, text: str) -> None:
        """A line (or several) indented by `level` steps; tabs separate columns."""
        self._open += "  " * level + text + "\n"

    def raw(self, text: str) -> None:
        """Text without a line end."""
        self._open += text

    def flush(self) -> None:
        """End a block: columns after it are aligned on their own."""
        if self._open:
            self._done.append(align(self._open) if self._aligned else self._open)
            self._open = ""

    def render(self) -> str:
        self.flush()
        return "".join(self._done)

    def age(self, text: str | None) -> str:
        return times.age_of(text, self.now)


def date(text: str | None) -> str:
    """A time as RFC 1123 with a numeric zone, in local time."""
    if not text:
        return "Mon, 01 Jan 0001 00:00:00 +0000"
    local = times.parse(text).astimezone()
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{days[local.weekday()]}, {local:%d} {months[local.month - 1]} {local:%Y %H:%M:%S %z}"


def meta(obj: Object) -> Object:
    return obj.get("metadata") or {}


def name_of(lines: Lines, obj: Object, *, namespace: bool = True) -> None:
    lines.add(0, f"Name:\t{meta(obj).get('name', '')}")
    if namespace:
        lines.add(0, f"Namespace:\t{meta(obj).get('namespace', '')}")


def label_lines(lines: Lines, title: str, values: Mapping[str, str] | None, indent: str = "") -> None:
    """`Labels:` with one line each, sorted."""
    if not values:
        lines.add(0, f"{indent}{title}:\t<none>")
        return
    for index, key in enumerate(sorted(values)):
        head = f"{indent}{title}:" if index == 0 else ""
        lines.add(0, f"{head}\t{key}={values[key]}")


def annotation_lines(lines: Lines, values: Mapping[str, str] | None, indent: str = "") -> None:
    """`Annotations:` without the last applied configuration; long values below their key, cut."""
    shown = {key: value for key, value in (values or {}).items() if key != LAST_APPLIED}
    if not shown:
        lines.add(0, f"{indent}Annotations:\t<none>")
        return
    for index, key in enumerate(sorted(shown)):
        head = f"{indent}Annotations:" if index == 0 else ""
        value = shown[key].removesuffix("\n")
        if len(value) + len(key) + 2 > MAX_ANNOTATION or "\n" in value:
            lines.add(0, f"{head}\t{key}:")
            for part in value.split("\n"):
                lines.add(0, f"\t  {shorten(part, MAX_ANNOTATION - 2)}")
        else:
            lines.add(0, f"{head}\t{key}: {value}")


def shorten(text: str, size: int) -> str:
    return text[:size] + "..." if len(text) > size else text


def format_labels(values: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={values[key]}" for key in sorted(values)) if values else "<none>"


def selector_text(selector: Object | None) -> str:
    """A LabelSelector as text."""
    from kubelite.api.types.meta_v1 import LabelSelector
    from kubelite.machinery import codec
    from kubelite.machinery.labels import from_label_selector

    if selector is None:
        return "<none>"
    return str(from_label_selector(codec.convert(selector, LabelSelector))) or "<none>"


def controlled_by(lines: Lines, obj: Object) -> None:
    for owner in meta(obj).get("ownerReferences") or ():
        if owner.get("controller"):
            lines.add(0, f"Controlled By:\t{owner['kind']}/{owner['name']}")


def or_none(text: str) -> str:
    return text or "<none>"


def amounts(lines: Lines, level: int, title: str, values: Mapping[str, Any] | None) -> None:
    """`Limits:` and the like, one resource a line."""
    if values:
        lines.add(level, f"{title}:")
        for key in sorted(values):
            lines.add(level + 1, f"{key}:\t{values[key]}")


def conditions(lines: Lines, found: Iterable[Object] | None, *, dashes: bool = True) -> None:
    """Type, status and reason, as workloads show them."""
    listed = list(found or ())
    if listed:
        lines.add(0, "Conditions:\n  Type\tStatus\tReason")
        lines.add(1, "----\t------\t------")
        for one in listed:
            lines.add(1, f"{one.get('type')} \t{one.get('status')}\t{one.get('reason', '')}")


def taints(lines: Lines, found: Iterable[Object] | None) -> None:
    """Sorted by effect, then key."""
    listed = sorted(found or (), key=lambda taint: f"{taint.get('effect')},{taint.get('key')}")
    if not listed:
        lines.add(0, "Taints:\t<none>")
    for index, taint in enumerate(listed):
        value = f"={taint['value']}" if taint.get("value") else ""
        lines.add(0, f"{'Taints:' if index == 0 else ''}\t{taint['key']}{value}:{taint.get('effect', '')}")


def events(lines: Lines, found: list[Object] | None) -> None:
    """The table at the end."""
    if found is None:
        return
    if not found:
        lines.add(0, "Events:\t<none>")
        return
    lines.flush()
    lines.add(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage")
    lines.add(1, "----\t------\t----\t----\t-------")
    for event in sorted(found, key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or "")):
        source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
        columns = (event.get("type", ""), event.get("reason", ""), interval(lines, event), source)
        lines.add(1, "\t".join(columns) + f"\t{(event.get('message') or '').strip()}")


def interval(lines: Lines, event: Object) -> str:
    """`5s`, or `5s (x3 over 2m)` for one that repeats."""
    first = lines.age(event.get("eventTime") or event.get("firstTimestamp"))
    series = event.get("series")
    if series:
        return f"{lines.age(series.get('lastObservedTime'))} (x{series.get('count', 0)} over {first})"
    if (event.get("count") or 0) > 1:
        return f"{lines.age(event.get('lastTimestamp'))} (x{event['count']} over {first})"
    return first
