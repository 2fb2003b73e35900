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
from kubelite.machinery.apply.managers import name_of
from kubelite.machinery.kind import Kind

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
    user_agent: str = "kube-apiserver"
    """Who owns the fields that are written, unless `field_manager` says so; by default the server itself."""
    served: Kind | None = None
    """The kind in the version that the client wrote, where that is not the stored one."""
    applies: bool = False
    """A server-side apply: the object says itself who owns what."""
    annotations: dict[str, str] = field(default_factory=dict)
    """Filled by admission, for the audit log."""
    generated: bool = False
    """The server made the name of the new object."""
    admitted: bool = False
    """Admission has let the operation pass that this write is a part of."""

    def manager(self) -> str:
        """The name under which fields are owned."""
        return name_of(self.field_manager, self.user_agent)


@dataclass(slots=True)
class Written:
    """The stored state (`entry`, with its new revision; 0 for a dry-run create), typed, and whether it is new.

    `gone`: the object was removed by this write.
    """

    entry: Entry
    object: Any
    created: bool = False
    gone: bool = False
