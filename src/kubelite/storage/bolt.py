"""Reads the database file of etcd, as far as telling what is in it.

What: `read(path)` counts keys and finds the newest revision. Why: a snapshot's status must not need etcd's programs. Flow:
the newer of two meta pages → the tree of buckets → every leaf. Keys of the bucket "key" are revisions: eight bytes, "_",
eight bytes. Source of the format: go.etcd.io/bbolt page.go, bucket.go; etcd server/storage/mvcc/revision.go. Nothing is
written.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from typing import NamedTuple

MAGIC = 0xED0CDAED
HEADER = struct.Struct("<QHHI")
META = struct.Struct("<IIIIQQQQQQ")
LEAF, BRANCH = struct.Struct("<IIII"), struct.Struct("<IIQ")
BUCKET = struct.Struct("<QQ")
IS_BRANCH, IS_LEAF, IS_BUCKET = 0x01, 0x02, 0x01
REVISION = 8


class BadFile(Exception):
    """The file is no database of etcd."""


class Counts(NamedTuple):
    """`keys` counts the entries of all buckets, as etcd's own tool does."""

    revision: int
    keys: int


class _Tree:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._size, self.root = self._meta()

    def _meta(self) -> tuple[int, int]:
        """(size of a page, root page) of the newer valid meta page."""
        best = (-1, 0, 0)
        for size in (4096, 8192, 16384, 65536):
            for number in (0, 1):
                at = number * size + HEADER.size
                if at + META.size > len(self._data):
                    continue
                magic, _, page, _, root, _, _, _, transaction, _ = META.unpack_from(self._data, at)
                if magic == MAGIC and page == size and transaction > best[0]:
                    best = (transaction, size, root)
        if best[0] < 0:
            raise BadFile("it has no meta page")
        return best[1], best[2]

    def entries(self, page: int) -> Iterator[tuple[int, bytes, int, int]]:
        """(flags, key, place of the value, its length) below a page, in order."""
        yield from self._page(page * self._size)

    def inline(self, at: int) -> Iterator[tuple[int, bytes, int, int]]:
        """The entries of a small bucket, whose page is inside its value."""
        yield from self._page(at)

    def _page(self, at: int) -> Iterator[tuple[int, bytes, int, int]]:
        _, flags, count, _ = HEADER.unpack_from(self._data, at)
        if flags & IS_BRANCH:
            for number in range(count):
                _, _, below = BRANCH.unpack_from(self._data, at + HEADER.size + number * BRANCH.size)
                yield from self._page(below * self._size)
            return
        if not flags & IS_LEAF:
            raise BadFile(f"page at {at} is neither branch nor leaf")
        for number in range(count):
            place = at + HEADER.size + number * LEAF.size
            kind, offset, key_size, value_size = LEAF.unpack_from(self._data, place)
            start = place + offset
            yield kind, self._data[start : start + key_size], start + key_size, value_size

    def buckets(self) -> Iterator[tuple[bytes, Iterator[tuple[int, bytes, int, int]]]]:
        for kind, name, at, _ in self.entries(self.root):
            if kind & IS_BUCKET:
                root, _ = BUCKET.unpack_from(self._data, at)
                yield name, self.entries(root) if root else self.inline(at + BUCKET.size)


def read(path: str) -> Counts:
    """What is in the file. Raises `BadFile`."""
    with open(path, "rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise BadFile(str(error)) from None
        with data:
            try:
                return _count(_Tree(data))
            except (struct.error, RecursionError) as error:
                raise BadFile(str(error)) from None


def _count(tree: _Tree) -> Counts:
    revision = keys = 0
    for name, entries in tree.buckets():
        for _, key, _, _ in entries:
            keys += 1
            if name == b"key":
                revision = max(revision, int.from_bytes(key[:REVISION], "big"))
    return Counts(revision, keys)
