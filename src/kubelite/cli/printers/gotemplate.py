"""`-o go-template=...`: a Go template over the object, with no line end of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kubelite.cli.failures import CliError
from kubelite.cli.printers import Printer
from kubelite.machinery.gotemplate import TemplateError, compile_template
from kubelite.machinery.gotemplate.goformat import quoted, show


def make(word: str, argument: str, allow_missing: bool, typed: bool) -> Printer:
    """The printer of `go-template=TEMPLATE` (also `template=`) or `go-template-file=FILE` (also `templatefile=`).

    `typed`: a complaint shows the object in the order of its keys.
    """
    if not argument:
        raise CliError("template format specified but no template given")
    if word.endswith("file"):
        try:
            argument = Path(argument).read_text()
        except OSError as error:
            raise CliError(f"error reading --template {argument}, open {argument}: {_reason(error)}") from error
    try:
        template = compile_template(argument, allow_missing)
    except TemplateError as error:
        raise CliError(f"error parsing template {argument}, {error}") from error

    def render(obj: dict[str, Any]) -> str:
        try:
            return template.execute(obj)
        except TemplateError as error:
            raw = json.dumps(obj, separators=(",", ":"), ensure_ascii=False, sort_keys=not typed)
            shown = (
                f"{error.written}Error executing template: {error}. Printing more information for debugging the template:\n"
                f"\ttemplate was:\n\t\t{argument}\n\traw data was:\n\t\t{raw}\n"
                f"\tobject given to template engine was:\n\t\t{show(obj)}\n\n"
            )
            raise CliError(f"error executing template {quoted(argument)}: {error}", shown=shown) from error

    return render


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
