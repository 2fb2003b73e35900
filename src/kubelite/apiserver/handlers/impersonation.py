"""Acting as somebody else: Impersonate-User, -Group, -Uid and -Extra headers.

What: `apply` returns the user that the rest of the chain sees. Why: `kubectl --as` and front proxies; each part of
the wanted identity needs the permission to impersonate it. Flow: after authentication, before authorization. Source:
apiserver/pkg/endpoints/filters/impersonation.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from kubelite.apiserver.request import Attributes, Authorizer, Request, UserInfo
from kubelite.machinery import errors
from kubelite.machinery.errors import StatusError

AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
ANONYMOUS = "system:anonymous"
SERVICE_ACCOUNT = "system:serviceaccount:"


def apply(
    request: Request,
    user: UserInfo,
    authorizer: Authorizer,
    refusal: Callable[[UserInfo, Attributes, str], StatusError],
) -> UserInfo:
    """The user to go on as. Raises StatusError 403 where the real user may not, 400 for headers without a user."""
    headers = request.headers
    name = headers.get("impersonate-user", "")
    others = [key for key in headers if key.startswith("impersonate-") and key != "impersonate-user"]
    if not name:
        if others:
            raise errors.bad_request("requested impersonation of groups, a uid or extras without impersonating a user")
        return user
    wanted = [_user_attributes(name)]
    groups = [group.strip() for group in headers.get("impersonate-group", "").split(",") if group.strip()]
    wanted += [Attributes("impersonate", resource="groups", version="v1", name=group) for group in groups]
    uid = headers.get("impersonate-uid", "")
    if uid:
        wanted.append(_authentication("uids", uid))
    extra: dict[str, tuple[str, ...]] = {}
    for key in others:
        if key.startswith("impersonate-extra-"):
            values = tuple(value.strip() for value in headers[key].split(","))
            extra[unquote(key.removeprefix("impersonate-extra-"))] = values
    for field, values in extra.items():
        wanted += [_authentication("userextras", value, field) for value in values]
    for attributes in wanted:
        allowed, reason = authorizer.authorize(user, attributes)
        if not allowed:
            raise refusal(user, attributes, reason)
    return UserInfo(name, uid, _with_system_groups(name, groups), extra)


def _user_attributes(name: str) -> Attributes:
    if name.startswith(SERVICE_ACCOUNT):
        namespace, _, account = name.removeprefix(SERVICE_ACCOUNT).partition(":")
        return Attributes("impersonate", namespace, version="v1", resource="serviceaccounts", name=account)
    return Attributes("impersonate", version="v1", resource="users", name=name)


def _authentication(resource: str, name: str, subresource: str = "") -> Attributes:
    return Attributes(
        "impersonate",
        group="authentication.k8s.io",
        version="v1",
        resource=resource,
        subresource=subresource,
        name=name,
    )


def _with_system_groups(name: str, groups: list[str]) -> tuple[str, ...]:
    if name == ANONYMOUS:
        return tuple(dict.fromkeys([*groups, UNAUTHENTICATED]))
    if name.startswith(SERVICE_ACCOUNT) and not groups:
        namespace = name.removeprefix(SERVICE_ACCOUNT).partition(":")[0]
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    return tuple(dict.fromkeys([*groups, AUTHENTICATED]))
