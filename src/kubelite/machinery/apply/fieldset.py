"""Field sets: which fields of an object somebody owns, in the form that managedFields writes them.

What: pure functions on trees (`union`, `difference`, ...) and `FieldSet`, their readable wrapper. Why: FieldsV1 is a tree of
path elements; computing on that very tree, in plain dicts, spares a translation on every write. Flow: `shape` walks make
trees; `updater` computes with them; `encode` writes the text.

A node is a dict of element → node. A node that is empty, or has the key ".", is itself a member of the set; a node with
children and without "." only leads to members. The root is never a member; `{}` is the empty set there. Trees are shared
and never changed once made. Source: sigs.k8s.io/structured-merge-diff fieldpath/set.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from kubelite.machinery.apply import element
from kubelite.machinery.apply.element import SELF

Tree = dict[str, Any]
"""A root or a node."""

LEAF: Tree = {}
"""The node that is a member and has no children."""

_plain = msgspec.json.Encoder().encode
_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode
_NUMBERS = re.compile(rb'"(?:k:\{[^}]*":|v:|i:)(-|\d+)')
MAX_DEPTH = 200
_MOST, _LONGEST = 512, 8192
"""Texts that `after` remembers, and bytes of each: with its result at most 8 MiB."""


def encode(tree: Tree) -> bytes:
    """FieldsV1 as JSON, in the canonical order."""
    text = _encode(tree)
    numbers = _NUMBERS.findall(text)
    # Elements sort as texts do, except numbers of different lengths.
    if len(numbers) > 1 and (b"-" in numbers or len(set(map(len, numbers))) > 1):
        return msgspec.json.encode(_ordered(tree))
    return text


def _ordered(tree: Tree) -> Tree:
    out: Tree = {}
    names = sorted(tree)
    if names and names[-1][:2] in ("k:", "v:", "i:"):
        names.sort(key=lambda name: ((), "") if name == SELF else ((1,), element.sort_key(name)))
    for name in names:
        node = tree[name]
        out[name] = _ordered(node) if node else node
    return out


def parse(text: bytes, *, trusted: bool = False) -> Tree:
    """A tree from FieldsV1. Raises ValueError for a text that is none; what this module wrote is `trusted` to be one."""
    try:
        tree = _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if tree is None:
        return {}
    if not trusted:
        check(tree)
    tree.pop(SELF, None)
    return tree  # type: ignore[no-any-return]


def check(tree: Any, depth: int = 0) -> None:
    """Raises ValueError where a plain document is no FieldsV1."""
    if not isinstance(tree, dict) or depth > MAX_DEPTH:
        raise ValueError("FieldsV1 must be a tree of objects")
    for name, node in tree.items():
        if name[:2] != "f:" and name != SELF and not element.is_valid(name):
            raise ValueError(f"unrecognized path element {name!r}")
        if node:
            check(node, depth + 1)
        elif not isinstance(node, dict):
            raise ValueError("FieldsV1 must be a tree of objects")


def plain(tree: Tree) -> bytes:
    """A tree as JSON in the order that it happens to have: for `after`."""
    return _plain(tree)


def after(text: bytes, touched: bytes, removed: bytes, *, own: bool) -> bytes:
    """FieldsV1 of a manager after somebody's write, canonical; b"" if nothing is left, `text` itself if nothing changed.

    `touched` and `removed` (see `plain`) are the fields that were set and those that are gone; `own`: they are this manager's
    now. Remembered: the kubelets' reports about pods of one workload are all alike.
    """
    if len(text) + len(touched) + len(removed) > _LONGEST:
        return _after(text, touched, removed, own)
    return _known_after(text, touched, removed, own)


def _after(text: bytes, touched: bytes, removed: bytes, own: bool) -> bytes:
    fields, new = parse(text, trusted=True), _decode(touched)
    left = difference(fields, _decode(removed))
    left = union(left, new) if own else difference(left, new)
    if not left:
        return b""
    return text if left is fields or left == fields else encode(left)


_known_after = lru_cache(maxsize=_MOST)(_after)


def is_member(node: Tree) -> bool:
    """Whether a node (not the root) is in the set itself."""
    return not node or SELF in node


def union(left: Tree, right: Tree) -> Tree:
    """Members of either root."""
    if not right or left is right:
        return left
    if not left:
        return right
    out = dict(left)
    for name, node in right.items():
        mine = out.get(name)
        out[name] = node if mine is None else _union_nodes(mine, node)
    return out


def _union_nodes(left: Tree, right: Tree) -> Tree:
    if left == right:
        return left
    if not left:
        return right if SELF in right else {SELF: LEAF, **right}
    if not right:
        return left if SELF in left else {SELF: LEAF, **left}
    return union(left, right)


def difference(left: Tree, right: Tree) -> Tree:
    """Members of the left root that are not members of the right one; `left` itself if nothing goes."""
    return _minus(left, right, recursive=False)


def recursive_difference(left: Tree, right: Tree) -> Tree:
    """As `difference`, but with a member of the right root goes everything below it."""
    return _minus(left, right, recursive=True)


def _minus(left: Tree, right: Tree, *, recursive: bool) -> Tree:
    changed: Tree | None = None
    for name in left.keys() & right.keys():
        if name == SELF:
            continue
        mine, node = left[name], right[name]
        rest = None if recursive and is_member(node) else _node_minus(mine, node, recursive)
        if rest is mine:
            continue
        if changed is None:
            changed = dict(left)
        if rest is None:
            del changed[name]
        else:
            changed[name] = rest
    return left if changed is None else changed


def _node_minus(left: Tree, right: Tree, recursive: bool) -> Tree | None:
    """None if nothing is left of the node."""
    stays = is_member(left) and not is_member(right)
    if not left:
        return left if stays else None
    rest = _minus(left, right, recursive=recursive) if right else left
    if stays:
        return rest if rest is left or len(rest) > 1 else LEAF
    if SELF in rest:
        rest = {name: node for name, node in rest.items() if name != SELF}
    return rest or None


def intersection(left: Tree, right: Tree) -> Tree:
    """Members of both roots."""
    out: Tree = {}
    for name in left.keys() & right.keys():
        if name != SELF:
            node = _both(left[name], right[name])
            if node is not None:
                out[name] = node
    return out


def _both(left: Tree, right: Tree) -> Tree | None:
    if left is right:
        return left
    out = intersection(left, right) if left and right else {}
    if is_member(left) and is_member(right):
        return {SELF: LEAF, **out} if out else LEAF
    return out or None


def leaves(tree: Tree) -> Tree:
    """Members that have no members below them."""
    return {name: leaves(node) if node else LEAF for name, node in tree.items() if name != SELF}


def paths(tree: Tree, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every member in canonical order: the members of a level first, then what is below each."""
    names = sorted((name for name in tree if name != SELF), key=element.sort_key)
    for name in names:
        if is_member(tree[name]):
            yield (*prefix, name)
    for name in names:
        if tree[name]:
            yield from paths(tree[name], (*prefix, name))


def has(tree: Tree, path: Sequence[str]) -> bool:
    """Whether the path is a member."""
    node: Tree | None = tree
    for name in path:
        node = None if node is None else node.get(name)
    return node is not None and bool(path) and is_member(node)


def of_paths(members: Iterable[Sequence[str]]) -> Tree:
    """The set of the given paths of elements."""
    out: Tree = {}
    for path in members:
        node = LEAF
        for name in reversed(path):
            node = {name: node}
        out = union(out, node)
    return out


class FieldSet:
    """A set of field paths."""

    __slots__ = ("tree",)

    def __init__(self, tree: Tree | None = None) -> None:
        self.tree: Tree = {} if tree is None else tree

    @classmethod
    def from_json(cls, text: bytes) -> FieldSet:
        """Raises ValueError for a text that is no FieldsV1."""
        return cls(parse(text))

    @classmethod
    def of(cls, *members: Sequence[str]) -> FieldSet:
        return cls(of_paths(members))

    def to_json(self) -> bytes:
        return encode(self.tree)

    def union(self, other: FieldSet) -> FieldSet:
        return FieldSet(union(self.tree, other.tree))

    def difference(self, other: FieldSet) -> FieldSet:
        return FieldSet(difference(self.tree, other.tree))

    def recursive_difference(self, other: FieldSet) -> FieldSet:
        return FieldSet(recursive_difference(self.tree, other.tree))

    def intersection(self, other: FieldSet) -> FieldSet:
        return FieldSet(intersection(self.tree, other.tree))

    def leaves(self) -> FieldSet:
        return FieldSet(leaves(self.tree))

    def has(self, *path: str) -> bool:
        return has(self.tree, path)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return paths(self.tree)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return bool(self.tree)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldSet) and set(self) == set(other)

    def __hash__(self) -> int:
        return hash(frozenset(self))

    def __repr__(self) -> str:
        return f"FieldSet({', '.join(element.path_text(path) for path in self)})"
