"""`$(NAME)` references in commands, arguments and variables.

What: `expand`, the rule of third_party/forked/golang/expansion: `$(NAME)` is replaced when NAME is known and left as it
is when not; `$$` is a literal `$`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`text` with every reference to a name in `variables` replaced by its value."""
    if "$" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return "$"
        return variables.get(name, match.group(0))

    return _REFERENCE.sub(value, text)
