"""Numbers or percentages: maxSurge, maxUnavailable, minAvailable.

What: `scaled` makes a count of `25%` or `3`. Flow: the wire value and the total in, an int out. Rules follow
apimachinery/pkg/util/intstr (GetScaledValueFromIntOrPercent).
"""

from __future__ import annotations

import re

_PERCENT = re.compile(r"[0-9]+%\Z", re.ASCII)


def scaled(value: int | str, total: int, round_up: bool) -> int:
    """`value` as a count out of `total`; percentages round up or down. Raises ValueError for other texts."""
    if isinstance(value, int):
        return value
    if not _PERCENT.match(value) or len(value) > 12:
        raise ValueError(f'invalid value for IntOrString: invalid type: string is not a percentage: "{value}"')
    product = int(value[:-1]) * total
    return -(-product // 100) if round_up else product // 100


def percent(value: int | str | None) -> int | None:
    """The number before the percent sign; None for anything that is no percentage."""
    return int(value[:-1]) if isinstance(value, str) and _PERCENT.match(value) and len(value) <= 12 else None
