"""The order of the authorizers and what each answers.

What: `Chain` asks superuser group → node → RBAC; the first that allows decides, and if none does the request is refused.
Why: each authorizer knows one kind of caller. Flow: `Attributes` in, (allowed, reason) out; no I/O, microseconds.
Source: pkg/kubeapiserver/authorizer/config.go; apiserver/pkg/authorization/authorizerfactory/builtin.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from kubelite.apiserver.authz.roles import RoleIndex
from kubelite.apiserver.request import Attributes, UserInfo

MASTERS = "system:masters"
MODES = ("Node", "RBAC", "AlwaysAllow", "AlwaysDeny")


class Mode(Protocol):
    """One authorizer of the chain."""

    def allows(self, user: UserInfo, attributes: Attributes) -> bool:
        """Whether this authorizer allows the request; False leaves it to the next."""

    def reason(self, user: UserInfo, attributes: Attributes, *, allowed: bool) -> str:
        """Why, for reviews and refusals; "" if there is nothing to say."""


class RbacMode:
    """Roles and bindings."""

    def __init__(self, index: RoleIndex) -> None:
        self.index = index

    def allows(self, user: UserInfo, attributes: Attributes) -> bool:
        return self.index.allows(user, attributes)

    def reason(self, user: UserInfo, attributes: Attributes, *, allowed: bool) -> str:
        if allowed:
            return self.index.explain(user, attributes)
        return self.index.missing(user, attributes.namespace if attributes.is_resource else "")


class ConstantMode:
    """AlwaysAllow and AlwaysDeny."""

    def __init__(self, *, allow: bool) -> None:
        self._allow = allow

    def allows(self, user: UserInfo, attributes: Attributes) -> bool:
        return self._allow

    def reason(self, user: UserInfo, attributes: Attributes, *, allowed: bool) -> str:
        return "" if allowed else "Everything is forbidden."


class Chain:
    """All authorizers of one server; `index` is what RBAC knows, for the escalation checks and rule reviews."""

    def __init__(self, modes: Sequence[Mode], index: RoleIndex) -> None:
        self.index = index
        self._modes = tuple(modes)
        self._checks: tuple[Callable[[UserInfo, Attributes], bool], ...] = tuple(mode.allows for mode in modes)

    def authorize(self, user: UserInfo, attributes: Attributes) -> tuple[bool, str]:
        """(allowed, reason); the reason of a success is left out, `review` finds it."""
        if MASTERS in user.groups:
            return True, ""
        for allows in self._checks:
            if allows(user, attributes):
                return True, ""
        return False, self._refusal(user, attributes)

    def review(self, user: UserInfo, attributes: Attributes) -> tuple[bool, str]:
        """Like `authorize`, with the reason of a success too."""
        if MASTERS in user.groups:
            return True, ""
        for mode in self._modes:
            if mode.allows(user, attributes):
                return True, mode.reason(user, attributes, allowed=True)
        return False, self._refusal(user, attributes)

    def _refusal(self, user: UserInfo, attributes: Attributes) -> str:
        reasons = [mode.reason(user, attributes, allowed=False) for mode in self._modes]
        return "\n".join(reason for reason in reasons if reason)
