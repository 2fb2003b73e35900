"""Users by headers of an authenticating proxy, which shows a certificate of the request-header authority.

What: `FrontProxy.authenticate`. Why: the aggregation layer and corporate proxies have authenticated the user already;
only who has a certificate of that authority (and one of the allowed names) is believed. Flow: peer's verified chain →
proxy's name → user, uid, groups and extras from the headers, which are removed so that nothing later mistakes them
for the client's own.
Source: apiserver/pkg/authentication/request/headerrequest/requestheader.go, request/x509/verify.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from kubelite.apiserver.authn.authorities import Authorities, chain_of
from kubelite.apiserver.authn.x509 import AUTHENTICATED, common_name
from kubelite.apiserver.request import Connection, Request, UserInfo

MEMO = "frontproxy.trusted"
SEPARATOR = "\n"


@dataclass(frozen=True, slots=True)
class HeaderNames:
    """Which headers say what, in lower case; of several the first that is there counts, for groups and extras all."""

    users: tuple[str, ...]
    uids: tuple[str, ...]
    groups: tuple[str, ...]
    extras: tuple[str, ...]

    @classmethod
    def of(cls, users: Sequence[str], uids: Sequence[str], groups: Sequence[str], extras: Sequence[str]) -> HeaderNames:
        """From the names as they are configured."""
        lists = [
            tuple(name.strip().lower() for name in names if name.strip()) for names in (users, uids, groups, extras)
        ]
        return cls(*lists)


class FrontProxy:
    """The authenticator. `allowed` are common names of proxies; empty allows every certificate of the authority."""

    def __init__(self, authorities: Authorities, allowed: Sequence[str], names: HeaderNames) -> None:
        self.authorities = authorities
        self.allowed = tuple(allowed)
        self.names = names

    def authenticate(self, request: Request) -> UserInfo | None:
        """The user that a trusted proxy names; None if the request does not come from one or names nobody."""
        connection = request.connection
        if connection is None or connection.peer_certificate is None:
            return None
        trusted = connection.memo.get(MEMO)
        if trusted is None or trusted[0] != self.authorities.version:
            trusted = (self.authorities.version, self._trusts(connection))
            connection.memo[MEMO] = trusted
        if not trusted[1]:
            return None
        user = user_of(request.headers, self.names)
        if user is not None:
            for name in list(request.headers):
                if self._is_ours(name):
                    del request.headers[name]
            request.headers.pop("authorization", None)
        return user

    def _trusts(self, connection: Connection) -> bool:
        chain = chain_of(connection)
        if not self.authorities.vouch_for(chain):
            return False
        return not self.allowed or common_name(chain[0]) in self.allowed

    def _is_ours(self, name: str) -> bool:
        names = self.names
        return name in (*names.users, *names.uids, *names.groups) or any(name.startswith(one) for one in names.extras)


def user_of(headers: dict[str, str], names: HeaderNames) -> UserInfo | None:
    """The user that the headers name; None without a name."""
    name = _first(headers, names.users)
    if not name:
        return None
    groups = [group for one in names.groups for group in _values(headers.get(one, "")) if group]
    extra: dict[str, list[str]] = {}
    for header, value in headers.items():
        for prefix in names.extras:
            if header.startswith(prefix):
                extra.setdefault(unquote(header[len(prefix) :]).lower(), []).extend(_values(value))
    return UserInfo(
        name,
        _first(headers, names.uids),
        tuple(dict.fromkeys([*groups, AUTHENTICATED])),
        {key: tuple(values) for key, values in extra.items()},
    )


def _first(headers: dict[str, str], names: Sequence[str]) -> str:
    return next((value for name in names for value in _values(headers.get(name, "")) if value), "")


def _values(joined: str) -> Iterator[str]:
    """The values of a header that came several times."""
    return (value.strip() for value in joined.split(SEPARATOR))
