"""What clients asked of a key, when, and what they were told.

What: `Operation` is one request on one key with the moments of its call and its answer; `Outcome` says how it ended. Why:
the checker judges nothing else. A register's value is named by who wrote it, so no two writes are alike. Flow: clients
append, `checker` reads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Action = Literal["create", "update", "get", "delete"]
Outcome = Literal["done", "exists", "conflict", "missing", "unknown"]
NEVER = math.inf


@dataclass(frozen=True)
class Operation:
    """`value`: what was written or read; `expected`: the value that an update or a delete replaces ("" for any).

    An operation whose outcome is unknown may have happened at any time after its call, or not at all.
    """

    client: int
    key: str
    action: Action
    called: float
    returned: float
    outcome: Outcome
    value: str = ""
    expected: str = ""
    revision: int = 0

    @property
    def certain(self) -> bool:
        """Whether the client knows how it ended."""
        return self.outcome != "unknown"
