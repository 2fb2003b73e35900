"""Messages in Kubernetes' protobuf form, read and written with a small table."""

from __future__ import annotations

import contextlib
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.machinery import protobuf, protobufwriter
from kubelite.machinery.protobuf import read_envelope, read_message
from kubelite.machinery.protobufwriter import Unwritable, write_envelope, write_message, write_watch_frame
from kubelite.machinery.protowire import Malformed, put_bytes, put_number, put_varint, skip, varint

ROWS: dict[str, list[list[Any]]] = {
    "t.Thing": [
        [1, "name", "string"],
        [2, "note", "string?"],
        [3, "count", "int32?"],
        [4, "replicas", "*int32"],
        [5, "total", "int64"],
        [6, "on", "bool?"],
        [7, "maybe", "*bool"],
        [8, "data", "map bytes"],
        [9, "amounts", "map quantity"],
        [10, "at", "time"],
        [11, "micro", "*microtime"],
        [12, "port", "intorstring"],
        [13, "object", "raw"],
        [14, "extra", "map items"],
        [15, "inner", "*t.Inner"],
        [16, "inners", "[]t.Inner"],
        [17, "", "t.Inlined"],
        [18, "numbers", "[]int64"],
        [19, "blob", "bytes?"],
        [20, "words", "[]string"],
        [21, "ratio", "*double"],
        [22, "schema", "*t.OrList"],
        [23, "schemas", "*t.OrList"],
        [24, "allowed", "*t.OrBool"],
        [25, "refused", "*t.OrBool"],
        [26, "more", "*t.OrBool"],
        [27, "needs", "map t.OrWords"],
        [28, "whole", "*double"],
    ],
    "t.OrList": [[1, "=object", "*t.Inner"], [2, "=list", "[]t.Inner"]],
    "t.OrBool": [[1, "=bool", "bool"], [2, "=object", "*t.Inner"]],
    "t.OrWords": [[1, "=object", "*t.Inner"], [2, "=list", "[]string"]],
    "t.Inner": [[1, "x", "int32?"], [2, "again", "*t.Inner"]],
    "t.Inlined": [[1, "key", "string?"], [2, "", "t.Deeper"]],
    "t.Deeper": [[1, "deep", "*string"]],
}
TABLES = {name: protobuf.message(name, rows, is_object=name == "t.Thing") for name, rows in ROWS.items()}


def read(data: bytes | bytearray) -> dict[str, Any]:
    return read_message(TABLES.__getitem__, "t.Thing", bytes(data))


def write(document: dict[str, Any]) -> bytes:
    return write_message(TABLES.__getitem__, "t.Thing", document)


def fields(*parts: tuple[int, int | bytes]) -> bytes:
    """A message of the given fields."""
    out = bytearray()
    for number, value in parts:
        if isinstance(value, int):
            put_number(out, number, value)
        else:
            put_bytes(out, number, value)
    return bytes(out)


THING: dict[str, Any] = {
    "name": "a",
    "note": "ü",
    "count": -3,
    "replicas": 0,
    "total": -(2**63),
    "on": True,
    "maybe": False,
    "data": {"k": "AP8=", "": "AA=="},
    "amounts": {"cpu": "100m", "memory": "1Gi"},
    "at": "2026-11-21T03:04:05Z",
    "micro": "1969-12-31T23:59:59.000006Z",
    "port": "http",
    "object": {"any": [1, {"x": None}]},
    "extra": {"scopes": ["a", ""], "none": []},
    "inner": {"again": {"x": 7}},
    "inners": [{}, {"x": 1}],
    "key": "inlined",
    "deep": "",
    "numbers": [0, -1, 2**62],
    "blob": "aGk=",
    "words": ["", "w"],
    "ratio": -0.25,
    "schema": {"x": 1},
    "schemas": [{"x": 1}, {}],
    "allowed": True,
    "refused": False,
    "more": {"x": 2},
    "needs": {"a": ["b"], "c": {"x": 3}},
    "whole": 10,
}


def test_what_is_written_is_read_again():
    assert read(write(THING)) == THING
    assert read(write({"port": 8080, "total": 0, "name": ""})) == {"port": 8080, "total": 0, "name": ""}


def test_zeros_stay_only_where_go_would_write_them_as_json():
    zeros = fields(
        (1, b""), (2, b""), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (10, b""), (11, b""), (13, b""), (19, b"")
    )
    assert read(zeros) == {"name": "", "replicas": 0, "total": 0, "maybe": False}


def test_an_empty_message_is_an_empty_object_and_an_absent_one_is_none():
    assert read(fields((15, b""))) == {"inner": {}}
    assert read(b"") == {}


def test_the_last_scalar_wins_and_parts_of_a_message_are_merged():
    parts = fields((1, b"a"), (2, b"x"), (15, fields((1, 1))), (1, b"b"), (2, b""), (15, fields((2, b""))))
    assert read(parts) == {"name": "b", "inner": {"x": 1, "again": {}}}


def test_repeated_numbers_may_be_packed():
    packed = bytearray()
    for number in (1, -1, 300):
        put_varint(packed, number)
    assert read(fields((18, 5), (18, bytes(packed)))) == {"numbers": [5, 1, -1, 300]}


def test_numbers_of_32_bits_are_cut_as_in_go():
    assert read(fields((3, 2**32 + 5), (4, 2**32 - 1))) == {"count": 5, "replicas": -1}


def test_unknown_fields_of_every_form_are_skipped():
    group = bytes([99 << 3 & 0x7F | 0x80 | 3, 99 >> 4]) + fields((1, 5), (2, b"x"))
    group += bytes([99 << 3 & 0x7F | 0x80 | 4, 99 >> 4])
    fixed = (
        bytes([60 << 3 & 0x7F | 0x80 | 1, 60 >> 4]) + bytes(8) + bytes([61 << 3 & 0x7F | 0x80 | 5, 61 >> 4]) + bytes(4)
    )
    assert read(fields((70, 1), (71, b"zz")) + group + fixed + fields((1, b"kept"))) == {"name": "kept"}


def test_map_entries_may_lack_key_or_value():
    assert read(fields((9, b""), (8, fields((1, b"k"))))) == {"amounts": {"": "0"}, "data": {"k": ""}}


def test_text_that_is_no_utf_8_is_replaced_as_gos_json_does():
    assert read(fields((1, b"a\xff"))) == {"name": "a\ufffd"}


def test_gos_zero_time_is_null_in_json():
    assert read(fields((10, fields((1, -62135596800))), (11, fields((1, 0))))) == {
        "micro": "1970-01-01T00:00:00.000000Z"
    }


def test_times_are_cut_to_what_their_json_carries():
    parts = fields((1, 1), (2, 1_999_999))
    assert read(fields((10, parts), (11, parts))) == {
        "at": "1970-01-01T00:00:01Z",
        "micro": "1970-01-01T00:00:01.001999Z",
    }


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(b"\x0a", "unexpected EOF", id="length missing"),
        pytest.param(b"\x0a\x05ab", "unexpected EOF", id="text cut off"),
        pytest.param(b"\x18\x80", "unexpected EOF", id="number cut off"),
        pytest.param(b"\x18" + b"\xff" * 11, "proto: integer overflow", id="number too long"),
        pytest.param(
            b"\x0a" + b"\xff" * 9 + b"\x01", "proto: negative length found during unmarshaling", id="negative length"
        ),
        pytest.param(b"\x08\x01", "proto: wrong wireType = 0 for field Name", id="number for text"),
        pytest.param(b"\x1a\x00", "proto: wrong wireType = 2 for field Count", id="text for number"),
        pytest.param(b"\x0c", "proto: Thing: wiretype end group for non-group", id="end of no group"),
        pytest.param(b"\x00\x00", "proto: Thing: illegal tag 0 (wire type 0)", id="field 0"),
        pytest.param(b"\x8f\x06", "proto: illegal wireType 7", id="wire type 7"),
        pytest.param(b"\x8b\x06", "unexpected EOF", id="group without end"),
        pytest.param(b"\x89\x06abc", "unexpected EOF", id="fixed cut off"),
        pytest.param(
            fields((10, fields((1, 2**62)))), "Time.MarshalJSON: year outside of range [0,9999]", id="far time"
        ),
        pytest.param(fields((13, fields((1, b"{")))), "Input data was truncated", id="no JSON inside"),
        pytest.param(fields((13, fields((1, b"[" * 300 + b"]" * 300)))), "json: exceeded max depth", id="deep JSON"),
        pytest.param(fields((12, fields((1, b"")))), "proto: wrong wireType = 2 for field Type", id="port's type"),
        pytest.param(
            fields((9, fields((2, fields((1, 1)))))), "proto: wrong wireType = 0 for field String", id="amount"
        ),
        pytest.param(
            fields((14, fields((2, fields((1, 1)))))), "proto: wrong wireType = 0 for field Items", id="items"
        ),
        pytest.param(fields((8, fields((1, 1)))), "proto: wrong wireType = 0 for field Data", id="number as key"),
        pytest.param(fields((17, 1)), "", id="inlined that is a number"),
    ],
)
def test_what_is_no_message_is_malformed(data: bytes, text: str):
    with pytest.raises(Malformed) as found:
        read(data)
    assert text in str(found.value)


def test_nesting_has_a_limit():
    data = b""
    for _ in range(protobuf.MAX_DEPTH + 5):
        data = fields((2, data))
    with pytest.raises(Malformed, match="nested too deeply"):
        read(fields((15, data)))


@given(st.binary(max_size=300))
def test_random_bytes_are_read_or_malformed(data: bytes):
    with contextlib.suppress(Malformed):
        assert isinstance(read(data), dict)


@given(st.data())
def test_a_message_cut_or_changed_anywhere_is_read_or_malformed(data: st.DataObject):
    whole = bytearray(write(THING))
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        del whole[at:]
    else:
        whole[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Malformed):
        assert isinstance(read(whole), dict)


@given(st.binary(max_size=100))
def test_random_bytes_are_an_envelope_or_malformed(data: bytes):
    for body in (data, protobuf.MAGIC + data):
        with contextlib.suppress(Malformed):
            assert isinstance(read_envelope(body).kind, str)


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_number_comes_back(number: int):
    assert read(write({"total": number}))["total"] == number


@given(st.integers(0, 2**64 - 1))
def test_varints_take_what_they_need(number: int):
    out = bytearray()
    put_varint(out, number)
    assert varint(bytes(out), 0, len(out)) == (number, len(out))
    assert skip(bytes(out), 0, len(out), 0) == len(out)


def test_an_envelope_carries_its_kind():
    body = write_envelope("apps/v1", "Deployment", b"raw")
    assert body.startswith(b"k8s\x00")
    assert read_envelope(body) == ("apps/v1", "Deployment", b"raw")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "empty data"),
        (b"k8s\x00", "empty body"),
        (b"{}", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"),
        (b"k8s\x00\x08\x01", "proto: wrong wireType = 0 for field TypeMeta"),
    ],
)
def test_what_is_no_envelope_is_malformed(body: bytes, text: str):
    with pytest.raises(Malformed) as found:
        read_envelope(body)
    assert str(found.value) == text


def test_a_watch_frame_is_its_length_and_an_event():
    frame = write_watch_frame("ADDED", b"object")
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    assert frame[4:] == fields((1, b"ADDED"), (2, fields((1, b"object"))))


def test_nulls_and_the_kind_of_an_object_have_no_field():
    assert write({"apiVersion": "v1", "kind": "Thing", "note": None}) == b""


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"nothing": 1}, "t.Thing has no protobuf field for nothing"),
        ({"inner": {"kind": "x"}}, "t.Inner has no protobuf field for kind"),
        ({"count": "1"}, "count is no int32"),
        ({"name": 1}, "1 is no string"),
        ({"data": {"k": "*"}}, ""),
        ({"data": []}, "t.Thing.data"),
        ({"at": "yesterday"}, "t.Thing.at"),
        ({"inner": []}, "t.Inner is no object"),
        ({"name": "\ud800"}, "t.Thing.name"),
    ],
)
def test_what_has_no_protobuf_form_is_refused_by_name(document: dict[str, Any], text: str):
    with pytest.raises(Unwritable) as found:
        write(document)
    assert text in str(found.value)


def test_a_table_with_an_unknown_type_is_refused():
    with pytest.raises(ValueError, match="there is no wire type 'float'"):
        protobuf.message("t.Wrong", [[1, "x", "float"]], is_object=False)


def test_every_scalar_of_the_reader_has_a_writer():
    assert set(protobufwriter._WRITERS) | protobuf.NUMBERS | {"double"} == protobuf.KINDS


def test_a_choice_is_as_go_writes_it():
    """A schema beside `allows`, whichever comes first; nothing at all is false."""
    both = fields((1, 0), (2, fields((1, 5))))
    assert read(fields((24, both))) == {"allowed": {"x": 5}}
    assert read(fields((24, b""), (25, fields((1, 1))))) == {"allowed": False, "refused": True}
    assert write({"more": {"x": 2}}) == fields((26, fields((1, 1), (2, fields((1, 2))))))
    assert read(fields((22, b""))) == {}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xa9\x01\x00\x00", "unexpected EOF"),
        (b"\xa9\x01" + struct.pack("<d", math.inf), "json: unsupported value: inf"),
        (fields((21, b"text")), "wrong wireType = 2 for field Ratio"),
        (fields((21, 1)), "wrong wireType = 0 for field Ratio"),
    ],
)
def test_what_is_no_fraction_is_malformed(data: bytes, text: str):
    with pytest.raises(Malformed, match=text):
        read(data)
