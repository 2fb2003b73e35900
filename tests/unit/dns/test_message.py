"""DNS messages: what is written can be read, and nothing that arrives makes the reader fail in another way than it says."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.dns import message
from kubelite.dns.message import Answer, MalformedMessage, Query, Record

labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=63)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)
EDNS = b"\0" + struct.pack("!2HIH", message.OPT, 1232, 0, 0)


def question(name: str, kind: int = message.A, *, extended: bool = False) -> bytes:
    data = message.question_for(name, kind, 77)
    return data[:11] + b"\x01" + data[12:] + EDNS if extended else data


def counts(reply: bytes) -> tuple[int, ...]:
    return struct.unpack_from("!4H", reply, 4)


@given(names, st.integers(0, 65535), st.booleans())
def test_a_question_is_read_as_it_was_written(name: str, kind: int, extended: bool) -> None:
    query = message.parse_query(question(name, kind, extended=extended))
    assert (query.id, query.name, query.type, query.klass) == (77, name, kind, message.IN)
    assert (query.extended, query.limit) == ((True, 1232) if extended else (False, 512))


@given(names, st.lists(st.ip_addresses(v=4).map(str), max_size=8), names)
def test_an_answer_is_read_as_it_was_written(name: str, addresses: list[str], target: str) -> None:
    records = [message.alias(name, 5, target), *(message.address(target, 9, a) for a in addresses)]
    query = message.parse_query(question(name))
    assert message.parse_addresses(message.encode(query, Answer(records=records), 65535)) == records


@given(st.binary(max_size=80))
def test_any_bytes_are_a_query_or_malformed(data: bytes) -> None:
    for read in (
        message.parse_query,
        lambda d: message.failure(d, message.FORMERR),
        lambda d: message.answers(d, question("a")),
    ):
        with contextlib.suppress(MalformedMessage):
            read(data)


@given(st.binary(max_size=80))
def test_any_bytes_of_an_upstream_are_records_or_malformed(data: bytes) -> None:
    reply = struct.pack("!6H", 77, 0x8180, 1, 3, 0, 0) + data
    for read in (message.parse_addresses, lambda d: message.smallest_ttl(d, 30)):
        with contextlib.suppress(MalformedMessage, struct.error):
            read(reply)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 11,
        question("a.b")[:-3],
        question("a.b")[:14],
        b"\0\0\x80" + question("a.b")[3:],
        question("a.b")[:5] + b"\x02" + question("a.b")[6:],
        struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\x01\0\x01",
        struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\x40a\0\0\x01\0\x01",
        struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\x01a" * 130 + b"\0\0\x01\0\x01",
    ],
)
def test_what_is_no_query_with_one_question_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        message.parse_query(data)


@pytest.mark.parametrize("name", ["a" * 64, "a..b", "."])
def test_a_name_that_cannot_be_sent_is_refused(name: str) -> None:
    with pytest.raises(MalformedMessage):
        message.encode_name(name)


def test_a_failure_repeats_the_number_and_the_question() -> None:
    data = question("Some.Name")
    reply = message.failure(data, message.SERVFAIL)
    assert reply[:2] == data[:2] and reply[3] & 0x0F == message.SERVFAIL
    assert counts(reply) == (1, 0, 0, 0)
    assert reply[12:] == data[12:]
    assert message.answers(reply, data)


def test_replies_are_never_answered() -> None:
    assert message.failure(message.failure(question("a"), message.SERVFAIL), message.FORMERR) == b""
    assert message.failure(b"\0\1", message.FORMERR) == b""


def many(count: int) -> Answer:
    return Answer(records=[message.address("web.default", 5, f"10.0.0.{i}") for i in range(count)])


def test_records_of_the_asked_name_are_short() -> None:
    query = message.parse_query(question("web.default"))
    assert len(message.encode(query, many(30), 512)) <= 512


def test_what_does_not_fit_is_truncated_and_keeps_its_options() -> None:
    query = message.parse_query(question("web.default", extended=True))
    reply = message.encode(query, many(200), query.limit)
    assert message.is_truncated(reply) and counts(reply) == (1, 0, 0, 1)
    assert not message.is_truncated(message.encode(query, many(200), 65535))


def test_additional_records_go_before_an_answer_is_truncated() -> None:
    query = message.parse_query(question("web.default"))
    answer = many(25)
    answer.additional = [message.address(f"extra{i}.example", 5, "10.0.0.1") for i in range(20)]
    reply = message.encode(query, answer, 512)
    assert not message.is_truncated(reply) and counts(reply) == (1, 25, 0, 0)


@pytest.mark.parametrize(
    ("reply", "accepted"),
    [
        (lambda q: message.encode(message.parse_query(q), Answer(), 512), True),
        (lambda q: message.encode(message.parse_query(question("OTHER.name")), Answer(), 512), False),
        (lambda q: b"\0\0" + message.encode(message.parse_query(q), Answer(), 512)[2:], False),
        (lambda q: q, False),
        (lambda q: struct.pack("!6H", 77, 0x8181, 0, 0, 0, 0), True),
        (lambda q: struct.pack("!6H", 77, 0x8180, 0, 0, 0, 0), False),
        (lambda q: q[:2], False),
    ],
)
def test_only_a_reply_to_the_question_is_accepted(reply: object, accepted: bool) -> None:
    query = question("some.name")
    assert message.answers(reply(query), query) is accepted  # type: ignore[operator]


def test_the_shortest_life_counts_and_the_ceiling_holds() -> None:
    query = Query(1, "a", message.A, 1, 0, message.encode_name("a") + struct.pack("!2H", 1, 1))
    records = [Record("a", message.A, ttl, b"\1\2\3\4") for ttl in (20, 7)]
    assert message.smallest_ttl(message.encode(query, Answer(records=records), 512), 30) == 7
    assert message.smallest_ttl(message.encode(query, Answer(records=records), 512), 5) == 5
