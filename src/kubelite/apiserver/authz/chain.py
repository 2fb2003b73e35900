"""The order of the authorizers and what each answers.

What: `Chain` asks the superuser group, then each authorizer in the configured order; the first that allows (or, for a
webhook, denies) decides, and if none does the request is refused.
Why: each authorizer knows one kind of caller. Flow: `Attributes` in, (allowed, reason) out, in microseconds and at once
as long as no webhook has to be asked; from the first webhook on, the answer is an awaitable.
Source: pkg/kubeapiserver/authorizer/config.go; apiserver/pkg/authorization/{union,authorizerfactory}.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from typing import NamedTuple, Protocol

from kubelite.api.types.rbac_v1 import PolicyRule
from kubelite.apiserver.authz.roles import RoleIndex
from kubelite.apiserver.request import Attributes, UserInfo
from kubelite.machinery import errors

MASTERS = "system:masters"
MODES = ("Node", "RBAC", "Webhook", "AlwaysAllow", "AlwaysDeny")


class Decision(NamedTuple):
    """What the chain, or a webhook of it, says. `denied` forbids what later ones would allow; `error`: why nobody knows."""

    allowed: bool
    reason: str = ""
    denied: bool = False
    error: str = ""


class Mode(Protocol):
    """One authorizer that answers at once."""

    def allows(self, user: UserInfo, attributes: Attributes) -> bool:
        """Whether this authorizer allows the request; False leaves it to the next."""

    def reason(self, user: UserInfo, attributes: Attributes, *, allowed: bool) -> str:
        """Why, for reviews and refusals; "" if there is nothing to say."""


class Remote(ABC):
    """One authorizer that asks elsewhere."""

    @abstractmethod
    async def decide(self, user: UserInfo, attributes: Attributes) -> Decision:
        """Its decision; a failure is `Decision.error`, never an exception."""


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
        self.allow = allow

    def allows(self, user: UserInfo, attributes: Attributes) -> bool:
        return self.allow

    def reason(self, user: UserInfo, attributes: Attributes, *, allowed: bool) -> str:
        return "" if allowed else "Everything is forbidden."


class Chain:
    """All authorizers of one server; `index` is what RBAC knows, for the escalation checks and rule reviews."""

    def __init__(self, modes: Sequence[Mode | Remote], index: RoleIndex) -> None:
        self.index = index
        self.replace(modes)

    def replace(self, modes: Sequence[Mode | Remote]) -> None:
        """Asks these from now on."""
        self.modes = tuple(modes)
        local: list[Mode] = []
        for mode in modes:
            if isinstance(mode, Remote):
                break
            local.append(mode)
        self._local = tuple(local)
        self._checks = tuple(mode.allows for mode in local)
        self._remote = len(local) < len(self.modes)

    def authorize(self, user: UserInfo, attributes: Attributes) -> tuple[bool, str] | Awaitable[tuple[bool, str]]:
        """(allowed, reason); the reason of a success is left out, `review` finds it."""
        if MASTERS in user.groups:
            return True, ""
        for allows in self._checks:
            if allows(user, attributes):
                return True, ""
        if self._remote:
            return self._authorize_later(user, attributes)
        return False, "\n".join(self._reasons(user, attributes))

    async def _authorize_later(self, user: UserInfo, attributes: Attributes) -> tuple[bool, str]:
        found = await self._walk(user, attributes, len(self._checks), self._reasons(user, attributes))
        if found.error and not found.allowed:
            raise errors.internal_error(found.error)
        return found.allowed, found.reason

    def review(self, user: UserInfo, attributes: Attributes) -> Decision | Awaitable[Decision]:
        """Like `authorize`, with the reason of a success, and with a failure as a text."""
        if MASTERS in user.groups:
            return Decision(True)
        if self._remote:
            return self._walk(user, attributes, 0, [], explain=True)
        for mode in self._local:
            if mode.allows(user, attributes):
                return Decision(True, mode.reason(user, attributes, allowed=True))
        return Decision(False, "\n".join(self._reasons(user, attributes)))

    async def _walk(
        self, user: UserInfo, attributes: Attributes, start: int, reasons: list[str], *, explain: bool = False
    ) -> Decision:
        """Asks the modes from `start` on, one after the other; `reasons` are those of the modes before."""
        failures: list[str] = []
        for mode in self.modes[start:]:
            if isinstance(mode, Remote):
                found = await mode.decide(user, attributes)
                if found.allowed or found.denied:
                    return found
                if found.error:
                    failures.append(found.error)
                reason = found.reason
            elif mode.allows(user, attributes):
                return Decision(True, mode.reason(user, attributes, allowed=True) if explain else "")
            else:
                reason = mode.reason(user, attributes, allowed=False)
            if reason:
                reasons.append(reason)
        error = failures[0] if len(failures) == 1 else f"[{', '.join(failures)}]" if failures else ""
        return Decision(False, "\n".join(reasons), error=error)

    def _reasons(self, user: UserInfo, attributes: Attributes) -> list[str]:
        """Why the modes that answer at once did not allow it."""
        reasons = [mode.reason(user, attributes, allowed=False) for mode in self._local]
        return [reason for reason in reasons if reason]

    def rules(self, user: UserInfo, namespace: str) -> list[PolicyRule]:
        """Every rule that is known to give the user something in a namespace."""
        found: list[PolicyRule] = []
        for mode in self.modes:
            if isinstance(mode, RbacMode):
                found += mode.index.rules_for(user, namespace)
            elif isinstance(mode, ConstantMode) and mode.allow:
                found.append(PolicyRule(verbs=["*"], apiGroups=["*"], resources=["*"]))
                found.append(PolicyRule(verbs=["*"], nonResourceURLs=["*"]))
        return found

    def incomplete(self, user: UserInfo) -> str:
        """Why the rules of a user cannot be listed in full; "" if they can."""
        texts = [text for mode in self.modes if (text := getattr(mode, "unlisted", _nothing)(user))]
        return texts[0] if len(texts) < 2 and texts else f"[{', '.join(texts)}]" if texts else ""


def _nothing(user: UserInfo) -> str:
    return ""
