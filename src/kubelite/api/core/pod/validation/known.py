"""Parts of pods that were found right before.

What: bounded sets of outlines: the encoded bytes of a spec without what is checked anew in every pod. Why: the thousands of
pods of a workload share their spec, and checking it is the largest part of creating a pod; encoding and comparing it costs a
tenth. Only complete rightness is remembered: a pod with mistakes is always checked in full, so that they are told in order.
Flow: `spec` asks before it checks the parts that depend on nothing but the outline, and remembers when nothing was wrong.

This is exact because the encoding loses nothing and those checks look at nothing outside of it.
"""

from __future__ import annotations

from copy import copy

import msgspec

from kubelite.api.types import core_v1 as v1

_MOST = 512
_LONGEST = 8192
"""Bytes of an outline; with `_MOST` the bound of the memory, 4 MiB."""
_encode = msgspec.json.Encoder().encode


class Known:
    """Outlines that were found right; the oldest goes when there are too many."""

    def __init__(self) -> None:
        self._outlines: dict[bytes, None] = {}

    def __contains__(self, outline: bytes) -> bool:
        return outline in self._outlines

    def add(self, outline: bytes) -> None:
        if len(outline) > _LONGEST or outline in self._outlines:
            return
        if len(self._outlines) >= _MOST:
            del self._outlines[next(iter(self._outlines))]
        self._outlines[outline] = None


def outline_of_spec(spec: v1.PodSpec) -> bytes:
    """The spec without volumes, and its containers without variables and mounts.

    Variables often carry something of the pod's own, and the volume of the service account's token has a random name.
    """
    rest = copy(spec)
    rest.volumes = []
    rest.containers = [_outline_of_container(one) for one in spec.containers]
    if spec.initContainers:
        rest.initContainers = [_outline_of_container(one) for one in spec.initContainers]
    return _encode(rest)


def _outline_of_container(container: v1.Container) -> v1.Container:
    rest = copy(container)
    rest.env = []
    rest.volumeMounts = []
    return rest


def outline_of_volume(volume: v1.Volume) -> bytes:
    """The volume's sources, without its name."""
    rest = copy(volume)
    rest.name = ""
    return _encode(rest)
