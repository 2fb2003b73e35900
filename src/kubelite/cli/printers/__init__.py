"""Objects as text: `-o json|yaml|name|go-template|jsonpath|custom-columns`.

What: `make(output)` gives the printer for a value of `--output`, a function from one object to text. Why: every verb prints the
same formats. Flow: plain objects in, text out; tables are `printers.table`, which needs what the server prepared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubelite.cli.failures import CliError

Printer = Callable[[dict[str, Any]], str]
ALLOWED = (
    "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,"
    "template,templatefile,wide,yaml"
)


def without_managed_fields(obj: dict[str, Any]) -> dict[str, Any]:
    """The object as shown by default, for a list each of its items."""
    if isinstance(obj.get("items"), list):
        return obj | {"items": [without_managed_fields(item) for item in obj["items"]]}
    metadata = obj.get("metadata")
    if isinstance(metadata, dict) and "managedFields" in metadata:
        return obj | {"metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}
    return obj


def make(
    output: str,
    *,
    allow_missing: bool = True,
    show_managed: bool = False,
    no_headers: bool = False,
    typed: bool = False,
) -> Printer:
    """The printer of `output`, which is not "" or "wide".

    `typed`: JSON keeps the order of the keys. Raises CliError for a format that does not exist.
    """
    word, equals, argument = output.partition("=")
    if word in ("json", "yaml") and not equals:
        from kubelite.cli.printers import json, yaml

        def dump(obj: dict[str, Any]) -> str:
            shown = obj if show_managed else without_managed_fields(obj)
            return json.render(shown, sort=not typed) if word == "json" else yaml.render(shown)

        return dump
    if word == "name" and not equals:
        from kubelite.cli.printers import name

        return name.render
    if word in ("jsonpath", "jsonpath-file", "jsonpath-as-json"):
        from kubelite.cli.printers import jsonpath

        return jsonpath.make(word, argument, allow_missing)
    if word in ("custom-columns", "custom-columns-file"):
        from kubelite.cli.printers import customcolumns

        return customcolumns.make(word, argument, no_headers)
    if word in ("go-template", "go-template-file", "template", "templatefile"):
        from kubelite.cli.printers import gotemplate

        return gotemplate.make(word, argument, allow_missing, typed)
    raise CliError(
        f'unable to match a printer suitable for the output format "{output}", allowed formats are: {ALLOWED}'
    )
