"""Bodies in Kubernetes' protobuf form."""

from __future__ import annotations

import pytest

from kubelite.apiserver.protobuf.decode import document
from kubelite.apiserver.protobuf.fields import KINDS, TEXT, fields_of, message_of
from kubelite.machinery.errors import StatusError


def part(number: int, value: bytes | int) -> bytes:
    """One field as it is on the wire."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    meta = part(1, api_version.encode()) + part(2, kind.encode())
    return b"k8s\x00" + part(1, meta) + part(2, raw) + part(3, b"") + part(4, b"")


METADATA = part(1, part(1, b"web") + part(2, b"") + part(3, b"default") + part(7, 0) + part(8, b""))


def test_an_object_reads_as_its_json_would() -> None:
    labels = part(1, part(1, b"web") + part(11, part(1, b"app") + part(2, b"x")))
    raw = labels + part(2, part(1, b"k") + part(2, b"\x00\xff")) + part(3, b"Opaque")
    assert document(envelope("v1", "Secret", raw)) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "web", "labels": {"app": "x"}},
        "data": {"k": "AP8="},
        "type": "Opaque",
    }


def test_zero_values_are_absent_where_go_leaves_them_out_and_present_where_it_points() -> None:
    container = part(1, b"c") + part(6, part(2, 0) + part(3, 80)) + part(16, 0)
    template = part(1, b"") + part(2, part(2, container) + part(4, 0) + part(11, 0))
    raw = METADATA + part(2, part(1, 0) + part(3, template) + part(5, 0)) + part(3, part(1, 0))
    found = document(envelope("apps/v1", "Deployment", raw))
    assert found["metadata"] == {"name": "web", "namespace": "default"}
    assert found["spec"] == {
        "replicas": 0,
        "template": {
            "metadata": {},
            "spec": {
                "containers": [{"name": "c", "ports": [{"containerPort": 80}]}],
                "terminationGracePeriodSeconds": 0,
            },
        },
    }
    assert "status" not in found


def test_numbers_and_texts_of_ports_are_told_apart() -> None:
    named = part(3, 80) + part(4, part(1, 1) + part(2, 0) + part(3, b"http"))
    plain = part(3, 81) + part(4, part(1, 0) + part(2, 8080) + part(3, b""))
    found = document(envelope("v1", "Service", METADATA + part(2, part(1, named) + part(1, plain))))
    assert [port["targetPort"] for port in found["spec"]["ports"]] == ["http", 8080]


def test_negative_numbers_keep_their_sign() -> None:
    found = document(envelope("scheduling.k8s.io/v1", "PriorityClass", METADATA + part(2, (1 << 64) - 5)))
    assert found["value"] == -5


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"{}", 400, id="no magic"),
        pytest.param(b"k8s\x00\x0a\xff", 400, id="cut off"),
        pytest.param(envelope("v1", "Namespace", b"\x0a\x7f"), 400, id="object cut off"),
        pytest.param(envelope("v1", "Namespace", b"\x0b"), 400, id="unknown wire type"),
        pytest.param(envelope("v1", "Namespace", part(1, part(1, b"\xff\xfe"))), 400, id="no text"),
        pytest.param(envelope("batch/v1", "Job", b""), 415, id="kind without table"),
        pytest.param(envelope("v1", "Namespace", part(9, 1)), 415, id="field without name"),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes, code: int) -> None:
    with pytest.raises(StatusError) as found:
        document(body)
    assert found.value.code == code


def test_every_message_that_is_named_is_listed() -> None:
    known = set("sibyqtxIB-")
    for message in TEXT:
        for name, type_ in fields_of(message).values():
            bare = type_.lstrip("*{")
            assert bare in known or bare in TEXT, f"{message}.{name}"
    assert all(message_of(version, kind) in TEXT for version, kinds in KINDS.items() for kind in kinds)
