"""`-o custom-columns=NAME:.metadata.name,...`: a table of JSONPath results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubelite.cli.failures import CliError
from kubelite.cli.printers import Printer
from kubelite.cli.tabwriter import table
from kubelite.machinery import jsonpath
from kubelite.machinery.jsonpath import JSONPathError

Column = tuple[str, jsonpath.Template]


def make(word: str, argument: str, no_headers: bool) -> Printer:
    """The printer; a list is printed as one table."""
    if word == "custom-columns-file":
        columns = _from_file(argument)
    else:
        columns = _from_spec(argument)

    def render(obj: dict[str, Any]) -> str:
        items = obj["items"] if isinstance(obj.get("items"), list) else [obj]
        rows = [[_cell(template, item) for _, template in columns] for item in items]
        header = None if no_headers else [name for name, _ in columns]
        return table(header, rows)[0]

    return render


def _from_spec(spec: str) -> list[Column]:
    if not spec:
        raise CliError("custom-columns format specified but no custom columns given")
    columns = []
    for part in spec.split(","):
        name, colon, path = part.partition(":")
        if not colon:
            raise CliError(f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
        columns.append((name, _template(path)))
    return columns


def _from_file(path: str) -> list[Column]:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError as error:
        raise CliError(f"error reading template {path}, open {path}: {(error.strerror or '').lower()}") from error
    names = lines[0].split() if lines else []
    paths = lines[1].split() if len(lines) > 1 else []
    if not names or len(names) != len(paths):
        raise CliError(f"number of headers ({len(names)}) and field specifications ({len(paths)}) don't match")
    return [(name, _template(spec)) for name, spec in zip(names, paths, strict=True)]


def _template(path: str) -> jsonpath.Template:
    try:
        return jsonpath.compile(jsonpath.relaxed(path), allow_missing=True)
    except JSONPathError as error:
        raise CliError(str(error)) from error


def _cell(template: jsonpath.Template, obj: Any) -> str:
    try:
        found = template.find(obj)
    except JSONPathError:
        found = []
    return ",".join(_text(value) for value in found) if found else "<none>"


def _text(value: Any) -> str:
    """A value as Go's %v prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_text(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_text(item) for item in value) + "]"
    return str(value)
