"""Acting as somebody else: Impersonate-User, -Group, -Uid and -Extra headers.

What: `apply` returns the user that the rest of the chain sees. Why: `kubectl --as` and front proxies; each part of
the wanted identity needs the permission to impersonate it. Two ways lead there: a constrained one (verbs
`impersonate:<mode>` for the identity and `impersonate-on:<mode>:<verb>` for what is done with it) and the plain verb
`impersonate`, which allows everything. They are tried in that order, and the first refusal is the one that is told.
Flow: after authentication, before authorization. Source: apiserver/pkg/endpoints/filters/impersonation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from kubelite.apiserver.request import Attributes, Authorizer, Request, UserInfo
from kubelite.machinery import errors
from kubelite.machinery.errors import StatusError

AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
ANONYMOUS = "system:anonymous"
SERVICE_ACCOUNT = "system:serviceaccount:"
NODE = "system:node:"
NODE_NAME = "authentication.kubernetes.io/node-name"
AUTHENTICATION = "authentication.k8s.io"
SEPARATOR = "\n"
"""Between the values of a repeated header (`http.shared.Server.separate`): names may have commas."""

Refusal = Callable[[UserInfo, Attributes, str], StatusError]


@dataclass(frozen=True, slots=True)
class Way:
    """One set of permissions that together allow an impersonation, and whom it makes of the caller."""

    checks: tuple[Attributes, ...]
    user: UserInfo


def apply(
    request: Request, user: UserInfo, authorizer: Authorizer, refusal: Refusal, attributes: Callable[[], Attributes]
) -> UserInfo | Awaitable[UserInfo]:
    """The user to go on as. Raises StatusError 403 where the real user may not, 400 for headers without a user.

    `attributes` are those of the request itself, read only if somebody is impersonated.
    """
    headers = request.headers
    name = headers.get("impersonate-user", "")
    if not name:
        if any(key.startswith("impersonate-") and key != "impersonate-user" for key in headers):
            raise errors.bad_request("requested impersonation of groups, a uid or extras without impersonating a user")
        return user
    return _try(list(ways(user, wanted_user(headers, name), attributes())), user, authorizer, refusal)


def wanted_user(headers: dict[str, str], name: str) -> UserInfo:
    """The identity that the headers ask for, without the groups that the server adds."""
    groups = tuple(group.strip() for group in headers.get("impersonate-group", "").split(SEPARATOR) if group.strip())
    extra = {
        unquote(key.removeprefix("impersonate-extra-")): tuple(value.strip() for value in values.split(SEPARATOR))
        for key, values in headers.items()
        if key.startswith("impersonate-extra-")
    }
    return UserInfo(name, headers.get("impersonate-uid", ""), groups, extra)


def ways(user: UserInfo, wanted: UserInfo, request: Attributes) -> Iterator[Way]:
    """The ways that fit the wanted identity, in upstream's order."""
    alone = not (wanted.uid or wanted.groups or wanted.extra)
    node = wanted.name.removeprefix(NODE) if wanted.name.startswith(NODE) else ""
    account = _account_of(wanted.name)
    if node and alone:
        as_node = UserInfo(wanted.name, groups=("system:nodes", AUTHENTICATED))
        if user.name.startswith(SERVICE_ACCOUNT) and user.extra.get(NODE_NAME) == (node,):
            yield _constrained("associated-node", [_identity("nodes", "*")], request, as_node)
        yield _constrained("arbitrary-node", [_identity("nodes", node)], request, as_node)
    elif account is not None and alone:
        checks = [replace(_identity("serviceaccounts", account[1]), namespace=account[0])]
        yield _constrained("serviceaccount", checks, request, _complete(wanted))
    if not node and account is None:
        yield _constrained("user-info", [_identity("users", wanted.name), *_parts(wanted)], request, _complete(wanted))
    yield Way(tuple(_plain(wanted, account)), _complete(wanted))


def _constrained(mode: str, checks: list[Attributes], request: Attributes, user: UserInfo) -> Way:
    on = replace(request, verb=f"impersonate-on:{mode}:{request.verb}")
    return Way((on, *(replace(check, verb=f"impersonate:{mode}") for check in checks)), user)


def _plain(wanted: UserInfo, account: tuple[str, str] | None) -> Iterator[Attributes]:
    """The one verb for everything; users, groups and accounts are asked for in the core group."""
    if account is not None:
        yield Attributes("impersonate", account[0], version="v1", resource="serviceaccounts", name=account[1])
    else:
        yield Attributes("impersonate", version="v1", resource="users", name=wanted.name)
    for part in _parts(wanted):
        yield replace(part, group="") if part.resource == "groups" else part


def _parts(wanted: UserInfo) -> Iterator[Attributes]:
    if wanted.uid:
        yield _identity("uids", wanted.uid)
    for group in wanted.groups:
        yield _identity("groups", group)
    for key, values in wanted.extra.items():
        for value in values:
            yield _identity("userextras", value, key)


def _identity(resource: str, name: str, subresource: str = "") -> Attributes:
    return Attributes(
        "impersonate", group=AUTHENTICATION, version="v1", resource=resource, subresource=subresource, name=name
    )


def _account_of(name: str) -> tuple[str, str] | None:
    if not name.startswith(SERVICE_ACCOUNT):
        return None
    namespace, colon, account = name.removeprefix(SERVICE_ACCOUNT).partition(":")
    return (namespace, account) if colon and namespace and account and ":" not in account else None


def _complete(wanted: UserInfo) -> UserInfo:
    """With the groups that every such user has."""
    groups = wanted.groups
    account = _account_of(wanted.name)
    if account is not None and not groups:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{account[0]}")
    last = UNAUTHENTICATED if wanted.name == ANONYMOUS else AUTHENTICATED
    return replace(wanted, groups=tuple(dict.fromkeys([*groups, last])))


def _try(
    left: list[Way], user: UserInfo, authorizer: Authorizer, refusal: Refusal, first: StatusError | None = None
) -> UserInfo | Awaitable[UserInfo]:
    """At once as long as the authorizer answers at once."""
    for position, way in enumerate(left):
        for number, check in enumerate(way.checks):
            answer = authorizer.authorize(user, check)
            if not isinstance(answer, tuple):
                rest = [replace(way, checks=way.checks[number + 1 :]), *left[position + 1 :]]
                return _try_later(answer, check, rest, user, authorizer, refusal, first)
            if not answer[0]:
                first = first or refusal(user, check, answer[1])
                break
        else:
            return way.user
    assert first is not None
    raise first


async def _try_later(
    answer: Awaitable[tuple[bool, str]],
    check: Attributes,
    rest: list[Way],
    user: UserInfo,
    authorizer: Authorizer,
    refusal: Refusal,
    first: StatusError | None,
) -> UserInfo:
    allowed, reason = await answer
    if not allowed:
        first, rest = first or refusal(user, check, reason), rest[1:]
    found = _try(rest, user, authorizer, refusal, first)
    return found if isinstance(found, UserInfo) else await found
