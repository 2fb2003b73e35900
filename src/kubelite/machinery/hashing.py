"""Hashes that end up in names: pod-template-hash, controller revision names, event suffixes.

What: FNV-1a and upstream's alphabet for hash suffixes. Why: the same template must get the same name on every run and in every
process. Flow: typed object → canonical JSON → FNV → suffix. The numbers differ from upstream's, which hashes Go's memory
layout (DeepHashObject); nothing depends on their equality.
"""

from __future__ import annotations

from typing import Any

import msgspec

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_encode = msgspec.json.Encoder(order="sorted").encode


def fnv32a(data: bytes, seed: int = 0x811C9DC5) -> int:
    """The 32-bit FNV-1a hash; `seed` continues an earlier one."""
    value = seed
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def fnv32(data: bytes) -> int:
    """The 32-bit FNV-1 hash (multiply first), as upstream uses for node and controller names."""
    value = 0x811C9DC5
    for byte in data:
        value = (value * 0x01000193 & 0xFFFFFFFF) ^ byte
    return value


def fnv64a(data: bytes) -> int:
    """The 64-bit FNV-1a hash."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def safe_encode(text: str) -> str:
    """`text` with every character mapped to one that spells no words (apimachinery rand.SafeEncodeString)."""
    return "".join(_ALPHABET[ord(char) % len(_ALPHABET)] for char in text)


def object_hash(obj: Any, salt: str = "") -> int:
    """A 32-bit hash of a typed or plain object by value; equal objects hash equal whatever the order of their keys."""
    return fnv32a(salt.encode(), fnv32a(_encode(obj)))


def pod_template_hash(template: Any, collision_count: int | None = None) -> str:
    """The value of the label `pod-template-hash`; `collision_count` makes another one of the same template."""
    salt = "" if collision_count is None else str(collision_count)
    return safe_encode(str(object_hash(template, salt)))
