"""`describe` of any other kind: its fields as a tree with readable labels."""

from __future__ import annotations

import re
from typing import Any

from kubelite.cli.describe import text
from kubelite.cli.describe.text import Lines, Object

ACRONYMS = ("API", "URL", "UID", "OSB", "GUID")
SKIPPED = {
    ".metadata.managedFields",
    ".metadata.name",
    ".metadata.namespace",
    ".metadata.labels",
    ".metadata.annotations",
}


def describe(lines: Lines, obj: Object, found: Object) -> None:
    text.name_of(lines, obj)
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))
    _tree(lines, 0, obj, "")
    text.events(lines, found.get("events"))


def _tree(lines: Lines, level: int, content: Object, path: str) -> None:
    for field in sorted(content):
        value, here = content[field], f"{path}.{field}"
        if here in SKIPPED:
            continue
        if isinstance(value, dict):
            lines.add(level, f"{label(field)}:")
            _tree(lines, level + 1, value, here)
        elif isinstance(value, list):
            lines.add(level, f"{label(field)}:")
            for child in value:
                if isinstance(child, dict):
                    _tree(lines, level + 1, child, here)
                else:
                    lines.add(level + 1, plain(child))
        else:
            lines.add(level, f"{label(field)}:\t{plain(value)}")


def plain(value: Any) -> str:
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def label(field: str) -> str:
    """`lastHeartbeatTime` → `Last Heartbeat Time`; a field with other characters stays."""
    if not all(letter.isalpha() or letter == "-" for letter in field):
        return field
    parts = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|-+", field)
    return " ".join(part.upper() if part.upper() in ACRONYMS else part[:1].upper() + part[1:] for part in parts)
