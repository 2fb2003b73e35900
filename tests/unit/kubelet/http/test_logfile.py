"""Lines of log files: the last ones, the wanted ones, parts put together."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.kubelet.http.logfile import TAIL_BLOCK, Formatter, tail_offset
from kubelite.kubelet.http.logs import Options

lines = st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")), max_size=30)


@given(lines, st.integers(0, 40), st.booleans())
def test_the_tail_is_the_last_lines(texts, count, closed):
    data = b"\n".join(texts) + (b"\n" if closed and texts else b"")
    whole = data.split(b"\n")
    if whole[-1] == b"":
        whole.pop()
    expected = b"\n".join(whole[max(0, len(whole) - count) :] if count else [])
    assert data[tail_offset(io.BytesIO(data), count) :].rstrip(b"\n") == expected.rstrip(b"\n")


def test_the_tail_is_found_over_many_blocks():
    data = b"".join(b"%06d" % n + b"x" * 100 + b"\n" for n in range(TAIL_BLOCK))
    tail = data[tail_offset(io.BytesIO(data), 1000) :]
    assert tail.count(b"\n") == 1000
    assert tail.startswith(b"%06d" % (TAIL_BLOCK - 1000))


LOG = b"2030-01-01T00:00:00.5Z stdout P a\n2030-01-01T00:00:00.50Z stdout F b\nnonsense\n2030-01-01T00:00:01Z stderr F c\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(), b"ab\nc\n"),
        (Options(timestamps=True), b"2030-01-01T00:00:00.5Z ab\n2030-01-01T00:00:01Z c\n"),
        (Options(stream="stderr"), b"c\n"),
        (Options(since="2030-01-01T00:00:00.500000001Z"), b"c\n"),
        (Options(since="2030-01-01T00:00:00.500000000Z"), b"ab\nc\n"),
        (Options(limit=2), b"ab"),
    ],
)
def test_lines_are_chosen_and_joined(options, expected):
    assert Formatter(options).feed(LOG) == expected


def test_parts_are_joined_over_blocks_and_the_limit_holds():
    formatter = Formatter(Options(timestamps=True, limit=30))
    cut = LOG.index(b"\n") + 1
    assert formatter.feed(LOG[:cut]) + formatter.feed(LOG[cut:]) == b"2030-01-01T00:00:00.5Z ab\n2030"
    assert formatter.done
