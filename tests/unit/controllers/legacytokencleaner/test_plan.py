"""Which tokens in Secrets go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.types.core_v1 import ObjectReference, Secret, ServiceAccount
from kubelite.controllers.legacytokencleaner.plan import (
    DELETE,
    INVALID_SINCE,
    KEEP,
    LAST_USED,
    MARK,
    tracked_long_enough,
    verdict,
    words,
)

NOW = datetime(2030, 6, 15, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
OLD, RECENT = "2029-06-14", "2029-06-15"


def secret(created: str = "2020-01-01T00:00:00Z", **labels: str) -> Secret:
    made = Secret()
    made.metadata.name, made.metadata.namespace, made.metadata.creationTimestamp = "robot-token", "default", created
    names = {"used": LAST_USED, "invalid": INVALID_SINCE}
    made.metadata.labels = {names[key]: value for key, value in labels.items()}
    made.metadata.annotations = {"kubernetes.io/service-account.name": "robot"}
    return made


def account(*secrets: str) -> ServiceAccount:
    made = ServiceAccount(secrets=[ObjectReference(name=name) for name in secrets])
    made.metadata.name, made.metadata.uid = "robot", "u"
    return made


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (secret(), MARK),
        (secret(used=OLD), MARK),
        (secret(used=RECENT), KEEP),
        (secret(used="yesterday"), KEEP),
        (secret(created="2030-01-01T00:00:00Z"), KEEP),
        (secret(invalid="nonsense"), MARK),
        (secret(invalid=RECENT), KEEP),
        (secret(invalid=OLD), DELETE),
        (secret(invalid=OLD, used="2030-06-01"), KEEP),
    ],
)
def test_idle_tokens_are_marked_and_then_deleted(found: Secret, expected: str) -> None:
    assert verdict(found, account("robot-token"), (), NOW, YEAR) == expected


def test_tokens_that_people_asked_for_or_pods_mount_stay() -> None:
    other = secret()
    other.metadata.annotations["kubernetes.io/service-account.uid"] = "another"
    assert verdict(secret(), account(), (), NOW, YEAR) == KEEP
    assert verdict(secret(), None, (), NOW, YEAR) == KEEP
    assert verdict(other, account("robot-token"), (), NOW, YEAR) == KEEP
    assert verdict(secret(), account("robot-token"), {"robot-token"}, NOW, YEAR) == KEEP


@pytest.mark.parametrize(
    ("since", "expected"),
    [("2029-06-14", True), ("2029-06-15", False), ("", False), (None, False), ("2029", False)],
)
def test_nothing_is_known_before_uses_were_noted_for_the_whole_time(since: str | None, expected: bool) -> None:
    assert tracked_long_enough(since, NOW, YEAR) == expected


def test_all_texts_of_a_pod_count_as_names() -> None:
    spec: Any = {"volumes": [{"secret": {"secretName": "a"}}], "x": [{"y": {"name": "b"}}, 3, None], "z": "c"}
    assert words(spec) == {"a", "b", "c"}


DAYS = st.integers(0, 1500)


@given(DAYS, st.none() | DAYS, DAYS)
def test_a_token_that_nobody_uses_is_marked_once_and_goes_a_year_later(
    created: int, used: int | None, start: int
) -> None:
    def at(days: int) -> datetime:
        return datetime(2030, 1, 1, tzinfo=UTC) + timedelta(days=days)

    found = secret(created=at(created).strftime("%Y-%m-%dT%H:%M:%SZ"))
    if used is not None:
        found.metadata.labels[LAST_USED] = at(used).strftime("%Y-%m-%d")
    seen = []
    for day in range(start, start + 4000, 40):
        step = verdict(found, account("robot-token"), (), at(day), YEAR)
        if step == MARK:
            found.metadata.labels[INVALID_SINCE] = at(day).strftime("%Y-%m-%d")
            assert day - created > 365 and (used is None or day - used > 365)
        if step != KEEP:
            seen.append((step, day))
        if step == DELETE:
            break
    (mark, first), (gone, last) = seen
    assert (mark, gone) == (MARK, DELETE)
    assert last - first > 365
