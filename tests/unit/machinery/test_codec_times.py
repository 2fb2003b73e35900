"""Times that are none are refused when they are read, in Go's words."""

from __future__ import annotations

import pytest

from kubelite.api.types.coordination_v1 import Lease
from kubelite.api.types.core_v1 import Pod
from kubelite.api.types.policy_v1 import PodDisruptionBudget
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError
from kubelite.machinery.unstructured import Unstructured


def lease(time: str) -> bytes:
    return f'{{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","spec":{{"renewTime":{time}}}}}'.encode()


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2030-01-02T03:04:05.123456Z", "2030-01-02T03:04:05.123456Z"),
        ("2030-01-02T03:04:05Z", "2030-01-02T03:04:05.000000Z"),
        ("2030-01-02T03:04:05.1234567Z", "2030-01-02T03:04:05.123456Z"),
        ("2030-01-02T03:04:05+01:30", "2030-01-02T01:34:05.000000Z"),
        ("2030-12-31T23:59:59.9-00:00", "2030-12-31T23:59:59.900000Z"),
    ],
)
def test_moments_of_rfc_3339_are_read_as_microseconds_of_utc(text: str, stored: str) -> None:
    assert codec.decode(lease(f'"{text}"'), Lease).spec.renewTime == stored


@pytest.mark.parametrize("text", ["2030-01-02T03:04:05Z", "2030-01-02T03:04:05.9Z", "2030-01-02T04:04:05+01:00"])
def test_other_moments_are_read_as_seconds_of_utc(text: str) -> None:
    """So that a client may write back what it has read in a form of its own."""
    pod = f'{{"metadata":{{"creationTimestamp":"{text}","managedFields":[{{"time":"{text}"}}]}}}}'.encode()
    for type_ in (Pod, Unstructured):
        metadata = codec.decode(pod, type_).metadata
        assert (metadata.creationTimestamp, metadata.managedFields[0].time) == ("2030-01-02T03:04:05Z",) * 2
    budget = f'{{"status":{{"disruptedPods":{{"a":"{text}"}}}}}}'.encode()
    found = codec.decode(budget, PodDisruptionBudget)
    assert found.status.disruptedPods == {"a": "2030-01-02T03:04:05Z"}


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "",
        "2030-01-02",
        "2030-01-02T03:04:05",
    ],
)
def test_anything_else_is_a_bad_request(text: str) -> None:
    with pytest.raises(StatusError) as refused:
        codec.decode(lease(f'"{text}"'), Lease)
    assert refused.value.code == 400
    assert f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00"' in refused.value.message


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("2030-13-02T03:04:05Z", "month"),
        ("2030-01-32T03:04:05Z", "day"),
        ("2026-02-30T00:00:00Z", "day"),
        ("2026-02-29T00:00:00Z", "day"),
        ("2100-02-29T00:00:00Z", "day"),
        ("2026-06-31T00:00:00+01:00", "day"),
        ("2030-01-02T24:04:05Z", "hour"),
    ],
)
def test_a_moment_that_never_comes_is_a_bad_request(text: str, part: str) -> None:
    for type_, body in ((Lease, lease(f'"{text}"')), (Pod, f'{{"status":{{"startTime":"{text}"}}}}'.encode())):
        with pytest.raises(StatusError) as refused:
            codec.decode(body, type_)
        assert refused.value.code == 400
        assert f'parsing time "{text}": {part} out of range' in refused.value.message


@pytest.mark.parametrize("text", ["2028-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "2026-12-31T23:59:59Z"])
def test_days_of_the_calendar_are_taken(text: str) -> None:
    assert codec.decode(f'{{"status":{{"startTime":"{text}"}}}}'.encode(), Pod).status.startTime == text


def test_a_time_inside_a_list_is_found() -> None:
    body = b'{"apiVersion":"v1","kind":"Pod","status":{"conditions":[{"type":"Ready","lastTransitionTime":"soon"}]}}'
    with pytest.raises(StatusError, match='parsing time "soon"'):
        codec.decode(body, Pod)


def test_null_is_no_time() -> None:
    assert codec.decode(lease("null"), Lease).spec.renewTime is None
