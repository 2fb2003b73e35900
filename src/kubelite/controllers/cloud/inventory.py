"""The machines of the provider `local`, as the people who own them write them down.

Why: a machine that does not answer may be off, cut off or slow; that it is gone is known to its owner only. So the owner's list
decides, and nothing that was measured. Flow: the file, read again when it has changed → the state of a node's machine.
A file that cannot be read, or that names no machine at all, says nothing about any.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kubelite.controllers.cloud.provider import MachineState, ProviderError
from kubelite.controllers.objects import Node

SHUT_DOWN = "shutdown"


def parse(text: str) -> Mapping[str, MachineState]:
    """Name → state, from lines "NAME" and "NAME shutdown"; what follows a "#" is a remark. Raises ValueError."""
    found: dict[str, MachineState] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[1:] not in ([], [SHUT_DOWN]):
            raise ValueError(f'line {number}: "{" ".join(words[1:])}" is no state of a machine')
        if words[0] in found:
            raise ValueError(f'line {number}: the machine "{words[0]}" is named twice')
        found[words[0]] = MachineState.SHUT_DOWN if words[1:] else MachineState.PRESENT
    if not found:
        raise ValueError("it names no machine")
    return found


class Inventory:
    """The file at `path`."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._read: tuple[tuple[int, int, int], Mapping[str, MachineState]] | None = None

    async def state(self, node: Node) -> MachineState:
        """Of the machine with the node's name. Raises ProviderError."""
        try:
            return self._machines().get(node.metadata.name, MachineState.GONE)
        except (OSError, ValueError) as error:
            raise ProviderError(f"the inventory {self._path} says nothing: {error}") from None

    def _machines(self) -> Mapping[str, MachineState]:
        found = self._path.stat()
        version = (found.st_mtime_ns, found.st_size, found.st_ino)
        if self._read is None or self._read[0] != version:
            self._read = (version, parse(self._path.read_text()))
        return self._read[1]
