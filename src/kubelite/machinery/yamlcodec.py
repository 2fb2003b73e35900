"""YAML as Kubernetes reads it: JSON values written in YAML 1.1, several documents to a file.

What: a loader from libyaml's events to plain values, with limits. Why: PyYAML's own constructor makes dates and sexagesimal
numbers that JSON does not have, recurses without bound and lets a few aliases grow into gigabytes.
Flow: bytes → events → values. Scalars resolve as in go-yaml v2 (which upstream uses): `yes` and `on` are booleans, `0644` is
octal, dates stay text. PyYAML is imported on first use: daemons never read YAML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 400
MAX_NODES = 2_000_000
MAX_ALIASED = 100_000
"""How many nodes aliases may add; beyond it the document is a bomb."""


class YAMLError(ValueError):
    """The text is no YAML, or none that becomes JSON."""


_NULLS = {"", "~", "null", "Null", "NULL"}
_TRUE = {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"} - {"y", "Y"}
_FALSE = {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"} - {"n", "N"}
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0b[01]+|0o[0-7]+|[0-9]+)\Z", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", re.ASCII)
_SPECIAL = {".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"}


def load(body: bytes | str, duplicates: list[str] | None = None) -> Any:
    """The first document (None if there is none); see `load_all` for `duplicates`. Raises YAMLError."""
    return next(load_all(body, duplicates), None)


def load_all(body: bytes | str, duplicates: list[str] | None = None) -> Iterator[Any]:
    """Every document in turn; texts about repeated keys are added to `duplicates` (last one wins), or ignored."""
    import yaml

    text = body
    if isinstance(body, bytes):
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise YAMLError("yaml: invalid leading UTF-8 octet") from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from _Builder(yaml.parse(text, Loader=loader), duplicates).documents()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or error
        raise YAMLError(f"yaml: {where}{problem}") from None
    except RecursionError:
        raise YAMLError("yaml: exceeded max depth") from None


def scalar(text: str) -> Any:
    """A plain (unquoted) scalar as JSON value."""
    if text in _NULLS:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if text[0] not in "-+.0123456789":
        return text
    if text in _SPECIAL:
        raise YAMLError(f"json: unsupported value: {text}")
    plain = text.replace("_", "")
    if _INTEGER.match(plain) and len(plain) <= 64:
        return _integer(plain)
    if _FLOAT.match(plain):
        number = float(plain)
        if number in (float("inf"), float("-inf")):
            raise YAMLError(f"json: unsupported value: {text}")
        return int(number) if number.is_integer() and abs(number) < 1e21 else number
    return text


def _integer(plain: str) -> int | float:
    sign = -1 if plain.startswith("-") else 1
    digits = plain.lstrip("+-")
    if digits[:2] in ("0x", "0X"):
        number = int(digits[2:], 16)
    elif digits[:2] == "0b":
        number = int(digits[2:], 2)
    elif digits[:2] == "0o":
        number = int(digits[2:], 8)
    elif digits[0] == "0" and len(digits) > 1 and not set(digits) - set("01234567"):
        number = int(digits, 8)
    else:
        number = int(digits)
    # Beyond 64 bits go-yaml falls back to a float.
    return sign * number if number < 2**64 else float(sign * number)


class _Builder:
    """Builds values from events with an explicit stack, so that depth is ours to limit."""

    def __init__(self, events: Iterator[Any], duplicates: list[str] | None) -> None:
        self.events = events
        self.duplicates = duplicates
        self.anchors: dict[str, Any] = {}
        self.sizes: dict[str, int] = {}
        self.nodes = 0
        self.aliased = 0

    def documents(self) -> Iterator[Any]:
        import yaml

        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors, self.sizes = {}, {}
                yield self.document()

    def document(self) -> Any:
        import yaml

        stack: list[_Open] = []
        while True:
            event = next(self.events)
            if isinstance(event, yaml.DocumentEndEvent):
                return None
            if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self.count()
                if len(stack) >= MAX_DEPTH:
                    raise YAMLError("yaml: exceeded max depth")
                stack.append(_Open(isinstance(event, yaml.MappingStartEvent), event.anchor, self.nodes))
                continue
            line = event.start_mark.line + 1
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                opened = stack.pop()
                value = opened.finished()
                self.remember(opened.anchor, value, self.nodes - opened.started + 1)
            else:
                value = self.leaf(event)
            if not stack:
                for rest in self.events:
                    if isinstance(rest, yaml.DocumentEndEvent):
                        break
                return value
            complaint = stack[-1].add(value, line)
            if complaint and self.duplicates is not None:
                self.duplicates.append(complaint)

    def count(self, more: int = 1) -> None:
        self.nodes += more
        if self.nodes > MAX_NODES:
            raise YAMLError("yaml: document is too large")

    def remember(self, anchor: str | None, value: Any, size: int) -> None:
        if anchor:
            self.anchors[anchor] = value
            self.sizes[anchor] = size

    def leaf(self, event: Any) -> Any:
        import yaml

        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise YAMLError(f"yaml: unknown anchor '{event.anchor}' referenced")
            self.aliased += self.sizes[event.anchor]
            if self.aliased > MAX_ALIASED:
                raise YAMLError("yaml: document contains excessive aliasing")
            self.count(self.sizes[event.anchor])
            return self.anchors[event.anchor]
        self.count()
        value = event.value
        if event.tag in ("tag:yaml.org,2002:binary", "!!binary"):
            raise YAMLError("yaml: !!binary is not supported")
        if event.tag not in (None, "!", "tag:yaml.org,2002:str") or (event.tag is None and event.implicit[0]):
            value = scalar(event.value)
        self.remember(event.anchor, value, 1)
        return value


class _Open:
    """A mapping or sequence under construction."""

    __slots__ = ("anchor", "has_key", "items", "key", "map", "merges", "started")

    def __init__(self, mapping: bool, anchor: str | None, started: int) -> None:
        self.map: dict[str, Any] | None = {} if mapping else None
        self.items: list[Any] = []
        self.anchor = anchor
        self.started = started
        self.has_key = False
        self.key = ""
        self.merges: list[Any] = []

    def add(self, value: Any, line: int) -> str:
        """Takes the next child; returns a complaint if it repeats a key."""
        if self.map is None:
            self.items.append(value)
            return ""
        if not self.has_key:
            self.key = _key(value)
            self.has_key = True
            if self.key in self.map:
                return f'line {line}: key "{self.key}" already set in map'
            return ""
        self.has_key = False
        if self.key == "<<":
            self.merges.append(value)
        else:
            self.map[self.key] = value
        return ""

    def finished(self) -> Any:
        if self.map is None:
            return self.items
        for merge in self.merges:
            for source in merge if isinstance(merge, list) else [merge]:
                if not isinstance(source, dict):
                    raise YAMLError("yaml: map merge requires map or sequence of maps as the value")
                for key, value in source.items():
                    self.map.setdefault(key, value)
        return self.map


def _key(value: Any) -> str:
    """A mapping key as JSON's text key."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if value is None:
        return "null"
    raise YAMLError("yaml: invalid map key")
