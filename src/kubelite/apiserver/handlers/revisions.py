"""resourceVersion, resourceVersionMatch, limit and continue: what they mean together, and the texts for what they cannot mean.

What: `ListQuery` from a query, and continue tokens. Why: these rules are the same for lists and watches of all kinds,
and clients depend on each refusal. Flow: `read.list_` and `read.watch` parse with it, then ask the cache or the
store. Pure. Sources: apimachinery/pkg/apis/meta/internalversion/validation, apiserver/pkg/storage/continue.go.
"""

from __future__ import annotations

import base64
import sys
from typing import Any, NamedTuple

import msgspec

from kubelite.apiserver.request import Request
from kubelite.machinery import errors, fielderrors
from kubelite.machinery.errors import StatusError
from kubelite.machinery.fielderrors import FieldError, Path

NOT_OLDER, EXACT = "NotOlderThan", "Exact"
TRUE = ("true", "1", "True", "TRUE", "t", "T")
MAX_INT64, MAX_UINT64 = 2**63 - 1, 2**64 - 1
FALSE = ("false", "0", "False", "FALSE", "f", "F", "")
TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the "
    "continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing "
    "with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the "
    "time the first chunk was returned and now may show up in the list."
)


class ListQuery(NamedTuple):
    """The paging and freshness part of a list or watch request. `revision` is None where the client gave none."""

    revision: int | None
    match: str
    limit: int
    continue_: str
    bookmarks: bool
    initial_events: bool | None
    timeout: int


def _number(request: Request, name: str) -> int:
    text = request.param(name)
    return parse_int(text) if text else 0


def parse_int(text: str) -> int:
    """A decimal number of 64 bits, as Go reads it. Raises StatusError 400."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    number = int(text) if len(digits) < 30 else MAX_INT64 + 1
    if not -MAX_INT64 - 1 <= number <= MAX_INT64:
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return number


def _flag(request: Request, name: str) -> bool | None:
    values = request.query.get(name)
    if not values:
        return None
    return values[0] not in FALSE


def parse_revision(text: str) -> int | None:
    """None for "". Raises StatusError 400."""
    if not text:
        return None
    why = "" if text.isascii() and text.isdigit() else "invalid syntax"
    if not why and (len(text) > 20 or int(text) > MAX_UINT64):
        why = "value out of range"
    if why:
        where = f'invalid resource version: resourceVersion: Invalid value: "{text}"'
        raise errors.bad_request(f'{where}: strconv.ParseUint: parsing "{text}": {why}')
    return int(text)


def list_query(request: Request, *, watch: bool) -> ListQuery:
    """The parsed query. Raises StatusError 400 or 422 for combinations that mean nothing."""
    if not request.raw_query:
        return ListQuery(None, "", 0, "", False, None, 0)
    query = ListQuery(
        parse_revision(request.param("resourceVersion")),
        request.param("resourceVersionMatch"),
        max(_number(request, "limit"), 0),
        request.param("continue"),
        bool(_flag(request, "allowWatchBookmarks")),
        _flag(request, "sendInitialEvents"),
        _number(request, "timeoutSeconds"),
    )
    if query.limit > sys.maxsize - 1:
        query = query._replace(limit=sys.maxsize - 1)
    found = _watch_mistakes(query) if watch else _list_mistakes(query)
    if found:
        raise errors.invalid("meta.k8s.io", "ListOptions", "", found)
    return query


def _list_mistakes(query: ListQuery) -> list[FieldError]:
    path, match = Path("resourceVersionMatch"), query.match
    found = []
    if match:
        if query.revision is None:
            why = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            found.append(fielderrors.forbidden(path, why))
        if query.continue_:
            found.append(fielderrors.forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
        if match not in (EXACT, NOT_OLDER):
            found.append(fielderrors.not_supported(path, match, [EXACT, NOT_OLDER, ""], as_listed=True))
        if match == EXACT and query.revision == 0:
            why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            found.append(fielderrors.forbidden(path, why))
    if query.initial_events is not None:
        found.append(fielderrors.forbidden(Path("sendInitialEvents"), "sendInitialEvents is forbidden for list"))
    return found


def _watch_mistakes(query: ListQuery) -> list[FieldError]:
    path, match = Path("resourceVersionMatch"), query.match
    found = []
    if query.initial_events is not None and match != NOT_OLDER:
        why = f"sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER}"
        found.append(fielderrors.forbidden(path, why))
    if match:
        if query.initial_events is None:
            why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            found.append(fielderrors.forbidden(path, why))
        if match != NOT_OLDER:
            found.append(fielderrors.not_supported(path, match, [NOT_OLDER]))
        if query.continue_:
            found.append(fielderrors.forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
    return found


class _Token(msgspec.Struct):
    v: str = ""
    rv: int = 0
    start: str = ""


def encode_token(revision: int, last_key: str) -> str:
    """A continue token: the list's revision (-1: any) and the first key not shown yet."""
    token = msgspec.json.encode({"v": "meta.k8s.io/v1", "rv": revision, "start": last_key + "\0"})
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def decode_token(text: str) -> tuple[int, str]:
    """(revision, last key shown). Raises StatusError 400."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        token = msgspec.json.decode(raw, type=_Token)
    except (ValueError, msgspec.DecodeError, UnicodeError, RecursionError):
        raise errors.bad_request(
            "invalid continue token: continue key is not valid: illegal base64 data or no token"
        ) from None
    if token.v != "meta.k8s.io/v1":
        raise errors.bad_request(
            f'invalid continue token: continue key is not valid: server does not recognize this encoded version "{token.v}"'
        )
    if not token.start or token.rv == 0:
        raise errors.bad_request(
            "invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)"
        )
    key = token.start.removesuffix("\0")
    if any(part in (".", "..") for part in key.split("/")):
        raise errors.bad_request(f"invalid continue token: continue key is not valid: {key}")
    return token.rv, key


class ListExpired(StatusError):
    """410 that carries a token to go on with, inconsistently."""

    def __init__(self, last_key: str) -> None:
        super().__init__(410, "Expired", TOO_OLD)
        self.token = encode_token(-1, last_key)

    def status(self) -> dict[str, Any]:
        out = super().status()
        out["metadata"] = {"continue": self.token}
        return out
