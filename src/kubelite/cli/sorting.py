"""`--sort-by`: objects, or the rows of tables, in the order of a JSONPath expression.

Flow: expression → value per object → key; missing values come first. Follows kubectl/pkg/cmd/get/sorter.go.
"""

from __future__ import annotations

import re
from typing import Any

from kubelite.cli.failures import CliError
from kubelite.machinery import jsonpath
from kubelite.machinery.jsonpath import JSONPathError

_QUANTITY = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?\Z")


def _template(expression: str) -> jsonpath.Template:
    try:
        return jsonpath.compile(jsonpath.relaxed(expression), allow_missing=True)
    except JSONPathError as error:
        raise CliError(str(error)) from error


def _key(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    if isinstance(value, bool):
        return (1, value)
    if isinstance(value, int | float):
        return (2, value)
    if isinstance(value, str) and _QUANTITY.match(value):
        from kubelite.machinery.quantity import parse

        try:
            return (2, parse(value))
        except ValueError:
            return (3, value)
    return (3, str(value))


def _value(template: jsonpath.Template, obj: Any) -> Any:
    try:
        found = template.find(obj)
    except JSONPathError:
        return None
    return found[0] if found else None


def sorted_objects(items: list[dict[str, Any]], expression: str) -> list[dict[str, Any]]:
    """`items` in order. Raises CliError when no object has the field."""
    template = _template(expression)
    values = [_value(template, item) for item in items]
    if items and all(value is None for value in values):
        raise CliError(f'couldn\'t find any field with path "{jsonpath.relaxed(expression)}" in the list of objects')
    order = sorted(range(len(items)), key=lambda index: _key(values[index]))
    return [items[index] for index in order]


def sorted_tables(tables: list[dict[str, Any]], expression: str) -> list[dict[str, Any]]:
    """The rows of all pages as one table, in order."""
    template = _template(expression)
    rows = [row for table in tables for row in table.get("rows") or ()]
    rows.sort(key=lambda row: _key(_value(template, row.get("object") or {})))
    return [tables[0] | {"rows": rows}]
