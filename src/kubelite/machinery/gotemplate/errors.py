"""What goes wrong in a template: while it is read or while it is executed."""

from __future__ import annotations


class TemplateError(ValueError):
    """The text is Go's: `template: output:1: unclosed action`. `written`: what was already output."""

    written = ""
