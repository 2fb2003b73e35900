"""The base of every generated API type, and the two scalar unions of the API.

What: `Object`, the Struct that all generated types extend, `Quantity` and `IntOrString`.
Why: attribute names equal the wire names, an absent field equals its default, so decode → encode loses nothing known.
Flow: `msgspec.json.decode(data, type=Pod)` in, typed objects out. Absent lists and maps read as empty, absent strings as "",
absent numbers, booleans, times and optional structs as None. A JSON null is refused by the plain decoder for the first
three; `kubelite.machinery.codec` retries without nulls, as upstream treats null as absent.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""A number as wide as upstream's; a larger one does not decode."""

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A number as wide as upstream's; a larger one does not decode."""

_LEAP = r"(\d\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
_DAY = r"((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
_DATE = rf"(?!0000)(\d{{4}}-{_DAY}|{_LEAP}-02-29)"
"""A day that there is, in a year that Python knows: who compares two times need not expect anything else."""
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d"
Time = Annotated[str, msgspec.Meta(pattern=rf"^{_DATE}T{_CLOCK}Z$", extra={"moment": "seconds"})]
"""A moment as it is stored: in UTC, whole seconds. `kubelite.machinery.codec` takes any RFC 3339 text and rewrites it."""

MicroTime = Annotated[str, msgspec.Meta(pattern=rf"^{_DATE}T{_CLOCK}\.\d{{6}}Z$", extra={"moment": "micro"})]
"""The same with microseconds."""

Quantity = str | Int64 | float
"""An amount such as "500m", "1Gi" or 2; `kubelite.machinery.quantity` parses it."""

IntOrString = Int32 | str
"""A number, a percentage ("25%") or a name ("http")."""


class Object(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """A value of the API: a tree of fields without cycles."""
