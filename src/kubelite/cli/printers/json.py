"""`-o json`: four blanks of indentation, keys in order of the alphabet, HTML characters escaped as Go does."""

from __future__ import annotations

import json
from typing import Any


def escaped(text: str) -> str:
    """The characters that encoding/json escapes and Python does not."""
    for plain, code in (("<", "003c"), (">", "003e"), ("&", "0026"), ("\u2028", "2028"), ("\u2029", "2029")):
        if plain in text:
            text = text.replace(plain, f"\\u{code}")
    return text


def render(obj: dict[str, Any], *, sort: bool = True) -> str:
    return escaped(json.dumps(obj, indent=4, sort_keys=sort, ensure_ascii=False)) + "\n"


def compact(obj: Any) -> str:
    """One line, sorted, as `json.Marshal` of a map writes it."""
    return escaped(json.dumps(obj, separators=(",", ":"), sort_keys=True, ensure_ascii=False))
