"""Which tokens in Secrets are marked invalid, and which are deleted: pure.

What: `verdict` of one Secret. Why: clusters before 1.24 made a token without end for every service account, and may bring them
along. Such a token is known by its account's list of Secrets; one that a person asked for is not in that list.
Flow: when the server began to note uses, the Secret with its labels, its account, what pods mount → KEEP, MARK or DELETE.
Source: pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any, Final

from kubelite.api.types.core_v1 import Secret, ServiceAccount
from kubelite.controllers.serviceaccounttoken.plan import is_for
from kubelite.machinery import times

LAST_USED: Final = "kubernetes.io/legacy-token-last-used"
INVALID_SINCE: Final = "kubernetes.io/legacy-token-invalid-since"
TRACKING: Final = "kube-apiserver-legacy-service-account-token-tracking"
SINCE: Final = "since"
KEEP, MARK, DELETE = "keep", "mark", "delete"


def day(text: str | None) -> date | None:
    """The day of a label or of the note, None for what is none."""
    try:
        return datetime.strptime(text or "", "%Y-%m-%d").date()
    except ValueError:
        return None


def tracked_long_enough(since: str | None, now: datetime, period: timedelta) -> bool:
    """Whether uses have been noted for the whole `period`; the first day may have been a part only."""
    first = day(since)
    if first is None:
        return False
    return now.replace(tzinfo=None) - period >= datetime(first.year, first.month, first.day) + timedelta(days=1)


def is_idle(secret: Secret, now: datetime, period: timedelta) -> bool:
    """Whether a token is older than `period` and was not used within it."""
    meta = secret.metadata
    if meta.deletionTimestamp is not None or not meta.creationTimestamp:
        return False
    if times.parse(meta.creationTimestamp) >= now - period:
        return False
    if LAST_USED not in meta.labels:
        return True
    used = day(meta.labels[LAST_USED])
    return used is not None and used < (now - period).date()


def is_generated(secret: Secret, account: ServiceAccount | None) -> bool:
    """Whether the account names the Secret as one of its own."""
    if account is None or not is_for(secret, account):
        return False
    return any(one.name == secret.metadata.name for one in account.secrets)


def verdict(
    secret: Secret, account: ServiceAccount | None, mounted: Collection[str], now: datetime, period: timedelta
) -> str:
    """`mounted`: names of the Secrets that pods of the namespace name."""
    if not is_idle(secret, now, period) or not is_generated(secret, account) or secret.metadata.name in mounted:
        return KEEP
    invalid = day(secret.metadata.labels.get(INVALID_SINCE))
    if invalid is None:
        return MARK
    return DELETE if invalid < (now - period).date() else KEEP


def words(value: Any) -> set[str]:
    """All texts inside a pod's spec: more than the names of its Secrets, so that none is missed."""
    if isinstance(value, str):
        return {value}
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*(words(one) for one in parts))
