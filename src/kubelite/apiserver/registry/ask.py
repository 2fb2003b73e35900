"""Who asks for a write and how: the options that all verbs share, and what a write gives back.

What: `Ask` (user, dry run, strictness, field manager, warnings) and `Written`. Why: the write path takes one value
instead of six arguments, from a request as from the server itself. Flow: `handlers.write` makes one of a request's
query; the server's own writes use `Ask()`, which is the loopback user.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kubelite.apiserver.request import UserInfo
from kubelite.apiserver.watchcache.entry import Entry

LOOPBACK = UserInfo("system:apiserver", groups=("system:masters", "system:authenticated"))
STRICT, WARN, IGNORE = "Strict", "Warn", "Ignore"


@dataclass(slots=True)
class Ask:
    """`warnings` is filled on the way and sent as headers."""

    user: UserInfo = LOOPBACK
    dry_run: bool = False
    field_validation: str = WARN
    field_manager: str = ""
    warnings: list[str] = field(default_factory=list)
    options: Any = None
    """The verb's options object, for admission."""


@dataclass(slots=True)
class Written:
    """The stored state (`entry`, with its new revision; 0 for a dry-run create), typed, and whether it is new.

    `gone`: the object was removed by this write.
    """

    entry: Entry
    object: Any
    created: bool = False
    gone: bool = False
