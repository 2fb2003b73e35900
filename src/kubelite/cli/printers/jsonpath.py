"""`-o jsonpath=...`: a template over the object, with no line end of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubelite.cli.failures import CliError
from kubelite.cli.printers import Printer
from kubelite.machinery import jsonpath
from kubelite.machinery.jsonpath import JSONPathError


def make(word: str, argument: str, allow_missing: bool) -> Printer:
    """The printer of `jsonpath=TEMPLATE`, `jsonpath-file=FILE` or `jsonpath-as-json=TEMPLATE`."""
    if not argument:
        raise CliError("template format specified but no template given")
    if word == "jsonpath-file":
        try:
            argument = Path(argument).read_text()
        except OSError as error:
            raise CliError(f"error reading --template {argument}, {error.strerror}") from error
    try:
        template = jsonpath.compile(argument, allow_missing)
    except JSONPathError as error:
        raise CliError(f"error parsing jsonpath {argument}, {error}") from error

    def render(obj: dict[str, Any]) -> str:
        try:
            if word == "jsonpath-as-json":
                import json

                from kubelite.cli.printers.json import escaped

                return escaped(json.dumps(template.find(obj), indent=4, sort_keys=True, ensure_ascii=False)) + "\n"
            return template.execute(obj)
        except JSONPathError as error:
            raise CliError(
                f"error executing jsonpath {_quoted(argument)}: Error executing template: {error}. Printing more "
                f"information for debugging the template:\n\ttemplate was:\n\t\t{argument}\n\tobject given to jsonpath "
                f"engine was:\n\t\t{obj!r}\n\n"
            ) from error

    return render


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)
