"""DNS messages on the wire (RFC 1035, 2782 for SRV, 6891 for the size option).

What: `parse_query` reads a question, `encode` writes a reply, `smallest_ttl` finds how long a reply may be kept,
`parse_addresses` reads what another server found.
Why: the server needs five record types and one question a message; a DNS library would cost more memory than its data.
Errors: `MalformedMessage` for anything that is not a plain query.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field

A, NS, CNAME, SOA, PTR, TXT, AAAA, SRV, OPT, ANY = 1, 2, 5, 6, 12, 16, 28, 33, 41, 255
IN = 1
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 2, 3, 4, 5
PLAIN_LIMIT, LARGEST = 512, 4096
HEADER = struct.Struct("!6H")


class MalformedMessage(ValueError):
    """The bytes are no DNS query."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question. `name` is in lower case without the last dot; `limit` is the largest reply the client takes over UDP."""

    id: int
    name: str
    type: int
    klass: int
    flags: int
    question: bytes
    limit: int = PLAIN_LIMIT
    extended: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record; `data` is the wire form of its content."""

    name: str
    type: int
    ttl: int
    data: bytes


@dataclass(slots=True)
class Answer:
    """A reply to be encoded."""

    code: int = NOERROR
    records: list[Record] = field(default_factory=list)
    authority: list[Record] = field(default_factory=list)
    additional: list[Record] = field(default_factory=list)
    authoritative: bool = True


def encode_name(name: str) -> bytes:
    """Labels with their lengths; raises MalformedMessage for a label that is too long or empty."""
    out = bytearray()
    for label in name.split(".") if name else ():
        raw = label.encode("utf-8")
        if not 0 < len(raw) < 64:
            raise MalformedMessage(f"label of {len(raw)} bytes")
        out += bytes([len(raw)]) + raw
    return bytes(out) + b"\0"


def _read_name(data: bytes, at: int) -> tuple[str, int]:
    labels: list[str] = []
    jumps = end = 0
    while True:
        if at >= len(data):
            raise MalformedMessage("name runs past the end")
        size = data[at]
        if size & 0xC0 == 0xC0:
            if at + 1 >= len(data) or jumps > 20:
                raise MalformedMessage("bad compression pointer")
            end, jumps = end or at + 2, jumps + 1
            at = (size & 0x3F) << 8 | data[at + 1]
            continue
        if size & 0xC0:
            raise MalformedMessage("unknown label type")
        at += 1
        if size == 0:
            return ".".join(labels), end or at
        labels.append(data[at : at + size].decode("utf-8", "replace"))
        at += size
        if len(labels) > 127:
            raise MalformedMessage("too many labels")


def parse_query(data: bytes) -> Query:
    """The question of a query."""
    if len(data) < HEADER.size:
        raise MalformedMessage("shorter than a header")
    number, flags, questions, _, _, extra = HEADER.unpack_from(data)
    if flags & 0x8000 or questions != 1:
        raise MalformedMessage("not a query with one question")
    name, at = _read_name(data, HEADER.size)
    if at + 4 > len(data):
        raise MalformedMessage("question without type")
    kind, klass = struct.unpack_from("!2H", data, at)
    question, at = data[HEADER.size : at + 4], at + 4
    limit, extended = PLAIN_LIMIT, False
    if extra and at + 11 <= len(data) and data[at] == 0:
        option, size = struct.unpack_from("!2H", data, at + 1)
        if option == OPT:
            limit, extended = max(PLAIN_LIMIT, min(size, LARGEST)), True
    return Query(number, name.lower(), kind, klass, flags, question, limit, extended)


def _encode_record(record: Record, asked: str) -> bytes:
    head = struct.pack("!2HIH", record.type, IN, record.ttl, len(record.data))
    # The name that was asked for stands behind the header; a pointer to it saves most of a record's size.
    name = b"\xc0" + bytes([HEADER.size]) if record.name == asked and asked else encode_name(record.name)
    return name + head + record.data


def encode(query: Query, answer: Answer, limit: int) -> bytes:
    """The reply. Over `limit` bytes it goes without additional records, and if that does not help without any, marked as
    truncated, so that the client asks over TCP."""
    parts = (answer.records, answer.authority, answer.additional)
    sections = [[_encode_record(r, query.name) for r in part] for part in parts]
    option = [b"\0" + struct.pack("!2HIH", OPT, LARGEST, 0, 0)] if query.extended else []

    def size() -> int:
        return HEADER.size + len(query.question) + sum(len(r) for part in (*sections, option) for r in part)

    if size() > limit:
        sections[2] = []
    truncated = size() > limit
    if truncated:
        sections = [[], [], []]
    sections[2] = sections[2] + option
    flags = 0x8000 | (query.flags & 0x7900) | 0x0080 | answer.code
    flags |= (0x0400 if answer.authoritative else 0) | (0x0200 if truncated else 0)
    counts = [len(part) for part in sections]
    return HEADER.pack(query.id, flags, 1, *counts) + query.question + b"".join(r for part in sections for r in part)


def failure(data: bytes, code: int) -> bytes:
    """A reply that only says what went wrong, for a query that may not even parse; b"" if there is no header, or if it is
    itself a reply, since answering those could go on for ever.

    It repeats the question where there is one: resolvers ignore a reply that does not.
    """
    if len(data) < HEADER.size:
        return b""
    number, flags = struct.unpack_from("!2H", data)
    if flags & 0x8000:
        return b""
    try:
        question = parse_query(data).question
    except MalformedMessage:
        question = b""
    head = HEADER.pack(number, 0x8000 | (flags & 0x7900) | 0x0080 | code, 1 if question else 0, 0, 0, 0)
    return head + question


def truncated(data: bytes, query: Query) -> bytes:
    """An empty reply to `query` that tells the client to ask over TCP, with the flags of the whole reply `data`."""
    flags = struct.unpack_from("!H", data, 2)[0] | 0x0200
    return HEADER.pack(query.id, flags, 1, 0, 0, 0) + query.question


def is_truncated(data: bytes) -> bool:
    """Whether a reply says that there is more."""
    return len(data) >= HEADER.size and bool(data[2] & 0x02)


def answers(data: bytes, query: bytes) -> bool:
    """Whether a reply is one to this query: its number, and the question, which a server that saw none may leave out."""
    if len(data) < HEADER.size or data[:2] != query[:2] or not data[2] & 0x80:
        return False
    if data[4:6] == b"\0\0":
        return data[3] & 0x0F != NOERROR
    question = parse_query(query).question
    return data[HEADER.size : HEADER.size + len(question)].lower() == question.lower()


def question_for(name: str, kind: int, number: int) -> bytes:
    """A query for the records of one type."""
    return HEADER.pack(number, 0x0100, 1, 0, 0, 0) + encode_name(name) + struct.pack("!2H", kind, IN)


def parse_addresses(data: bytes) -> list[Record]:
    """The A, AAAA and CNAME records in the answer of a reply, with their names written out."""
    _, _, questions, count, _, _ = HEADER.unpack_from(data)
    at, found = HEADER.size, []
    for _ in range(questions):
        _, at = _read_name(data, at)
        at += 4
    for _ in range(count):
        name, at = _read_name(data, at)
        if at + 10 > len(data):
            raise MalformedMessage("record runs past the end")
        kind, _, ttl, size = struct.unpack_from("!2HIH", data, at)
        at += 10
        if at + size > len(data):
            raise MalformedMessage("record runs past the end")
        if kind in (A, AAAA):
            found.append(Record(name, kind, ttl, data[at : at + size]))
        elif kind == CNAME:
            found.append(Record(name, kind, ttl, encode_name(_read_name(data, at)[0])))
        at += size
    return found


def address(name: str, ttl: int, text: str) -> Record:
    """An A or AAAA record."""
    ip = ipaddress.ip_address(text)
    return Record(name, A if ip.version == 4 else AAAA, ttl, ip.packed)


def service(name: str, ttl: int, port: int, target: str, weight: int = 100) -> Record:
    return Record(name, SRV, ttl, struct.pack("!3H", 0, weight, port) + encode_name(target))


def pointer(name: str, ttl: int, target: str) -> Record:
    return Record(name, PTR, ttl, encode_name(target))


def alias(name: str, ttl: int, target: str) -> Record:
    return Record(name, CNAME, ttl, encode_name(target))


def text(name: str, ttl: int, value: str) -> Record:
    raw = value.encode()
    return Record(name, TXT, ttl, bytes([len(raw)]) + raw)


def authority(zone: str, ttl: int, serial: int) -> Record:
    """The zone's SOA record, which tells resolvers how long "no such name" may be kept."""
    numbers = struct.pack("!5I", serial & 0xFFFFFFFF, 7200, 1800, 86400, ttl)
    return Record(zone, SOA, ttl, encode_name(f"ns.dns.{zone}") + encode_name(f"hostmaster.{zone}") + numbers)


def smallest_ttl(data: bytes, ceiling: int) -> int:
    """The shortest life of the records in a reply, at most `ceiling` seconds."""
    _, _, questions, answers, authorities, _ = HEADER.unpack_from(data)
    at, ttl = HEADER.size, ceiling
    for _ in range(questions):
        _, at = _read_name(data, at)
        at += 4
    for _ in range(answers + authorities):
        _, at = _read_name(data, at)
        if at + 10 > len(data):
            raise MalformedMessage("record runs past the end")
        life, size = struct.unpack_from("!IH", data, at + 4)
        ttl, at = min(ttl, life), at + 10 + size
    return ttl
