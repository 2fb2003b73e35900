"""Continue tokens and list options."""

from __future__ import annotations

import base64

import pytest

from kubelite.apiserver.handlers.revisions import ListExpired, decode_token, encode_token, list_query, parse_revision
from kubelite.apiserver.request import Request
from kubelite.machinery.errors import StatusError


@pytest.mark.parametrize(("revision", "key"), [(5, "ns/name"), (-1, "name"), (10**15, "ä/ö")])
def test_a_token_comes_back_as_it_went(revision: int, key: str) -> None:
    assert decode_token(encode_token(revision, key)) == (revision, key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "%%%",
        "AAAA",
        base64.urlsafe_b64encode(b"{}").decode(),
        base64.urlsafe_b64encode(b'{"v":"v0","rv":1,"start":"a"}').decode(),
        base64.urlsafe_b64encode(b'{"v":"meta.k8s.io/v1","rv":0,"start":"a"}').decode(),
        base64.urlsafe_b64encode(b'{"v":"meta.k8s.io/v1","rv":1,"start":""}').decode(),
        base64.urlsafe_b64encode(b'{"v":"meta.k8s.io/v1","rv":1,"start":"../secrets/x"}').decode(),
    ],
)
def test_a_token_that_was_not_given_out_is_refused(text: str) -> None:
    with pytest.raises(StatusError) as refused:
        decode_token(text)
    assert refused.value.code == 400


def test_an_expired_list_carries_a_token_for_any_revision() -> None:
    status = ListExpired("ns/b").status()
    assert (status["code"], status["reason"]) == (410, "Expired")
    assert decode_token(status["metadata"]["continue"]) == (-1, "ns/b")


def test_the_query_is_read() -> None:
    query = list_query(Request("GET", "/", "resourceVersion=7&limit=5&continue=x"), watch=False)
    assert (query.revision, query.limit, query.continue_) == (7, 5, "x")


@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "9" * 30])
def test_a_revision_is_a_number(text: str) -> None:
    with pytest.raises(StatusError):
        parse_revision(text)
