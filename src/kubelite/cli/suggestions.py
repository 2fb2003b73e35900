"""`Did you mean this?`: the verbs that a misspelt word may stand for. Follows spf13/cobra."""

from __future__ import annotations

from collections.abc import Iterable

DISTANCE = 2
"""How many letters may be wrong."""


def distance(one: str, other: str) -> int:
    """How many letters must be changed, added or removed to make one word of the other."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        before, row[0] = row[0], number
        for index, compared in enumerate(other, 1):
            before, row[index] = row[index], min(row[index] + 1, row[index - 1] + 1, before + (letter != compared))
    return row[-1]


def similar(word: str, known: Iterable[str]) -> str:
    """The lines to print after the error, "" when nothing is near: words that differ little or begin like `word`."""
    low = word.lower()
    found = [one for one in known if distance(low, one) <= DISTANCE or one.startswith(low)]
    return "".join(["\nDid you mean this?\n", *(f"\t{one}\n" for one in found)]) if found else ""
