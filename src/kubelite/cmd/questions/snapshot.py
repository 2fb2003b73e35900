"""A cluster at one moment: read from the API or from a file, and turned into a `Simulation`.

What: `Snapshot.lists` is kind → the list as the server sent it, undecoded. Why: thousands of nodes are read, saved and loaded in
a second; each kind is decoded once, by who needs it. Flow: `read(session)` | `load(data)` → `simulation(configuration)`;
`saved()` for the file. The lists are read one after the other, so what changes meanwhile may be seen half.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from kubelite.cli.failures import CliError
from kubelite.cli.session import Session
from kubelite.cmd.questions.reader import LIVING, SIMULATED, path
from kubelite.machinery.errors import StatusError
from kubelite.scheduler.config.types import Configuration
from kubelite.scheduler.offline import Simulation

API_VERSION, KIND = "kubelite.io/v1alpha1", "ClusterSnapshot"
ADMITTING = ("PriorityClass", "LimitRange", "ResourceQuota")
"""What admission makes of a pod, besides its own fields."""
T = TypeVar("T")


class _List(msgspec.Struct, Generic[T]):
    items: list[T] = []


class _File(msgspec.Struct):
    apiVersion: str = ""
    kind: str = ""
    lists: dict[str, msgspec.Raw] = {}


@dataclass(slots=True)
class Snapshot:
    """The lists by kind."""

    lists: dict[str, bytes] = field(default_factory=dict)

    def typed(self, kind: str, type_: type[T]) -> list[T]:
        """The objects of a kind, as far as they were read."""
        if kind not in self.lists:
            return []
        found: list[T] = msgspec.json.decode(self.lists[kind], type=_List[type_]).items  # type: ignore[valid-type]
        return found

    def simulation(self, configuration: Configuration | None = None) -> Simulation:
        """The scheduler's tables."""
        made = Simulation(configuration)
        for kind in SIMULATED:
            if kind in self.lists:
                made.add_list(kind, self.lists[kind])
        return made

    def saved(self) -> bytes:
        """For a file."""
        return msgspec.json.encode(
            _File(API_VERSION, KIND, {kind: msgspec.Raw(data) for kind, data in self.lists.items()})
        )


async def read(session: Session) -> Snapshot:
    """From the API. Raises StatusError where nodes or pods may not be read; other kinds are left out and told of."""
    found = Snapshot()
    for kind in (*SIMULATED, *ADMITTING):
        query = {"fieldSelector": LIVING} if kind == "Pod" else {}
        try:
            found.lists[kind] = (await session.request("GET", path(kind), query=query)).body
        except StatusError as error:
            if kind in ("Node", "Pod") or error.code not in (403, 404):
                raise
            if error.code == 403:
                session.warn(f"Cannot read {kind} objects ({error.reason}): the answer does not count them.")
    return found


def load(data: bytes, name: str) -> Snapshot:
    """From a file that `whatif snapshot` wrote. Raises CliError for any other."""
    try:
        found = msgspec.json.decode(data, type=_File)
        if (found.apiVersion, found.kind) != (API_VERSION, KIND):
            raise CliError(f'{name} is no snapshot: its kind is "{found.kind}", its apiVersion "{found.apiVersion}"')
        snapshot = Snapshot({kind: bytes(raw) for kind, raw in found.lists.items()})
        snapshot.simulation()
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CliError(f"{name} is no snapshot: {error}") from error
    return snapshot
