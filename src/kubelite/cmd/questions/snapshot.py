"""A cluster at one moment: read from the API or from a file, and turned into a `Simulation`.

What: `Snapshot.lists` is kind → the list as the server sent it, undecoded. Why: thousands of nodes are read, saved and loaded in
a second; each kind is decoded by who needs it, as far as needed. Flow: `read(session)` | `load(data)` → `simulation(rules)`;
`saved()` for the file. The lists are read one by one, so what changes meanwhile may be seen half.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from kubelite.cli.failures import CliError
from kubelite.cli.session import Session
from kubelite.cmd.questions.fetch import Fetch
from kubelite.cmd.questions.places import SIMULATED
from kubelite.machinery.errors import StatusError

if TYPE_CHECKING:
    from kubelite.scheduler.config.types import Configuration
    from kubelite.scheduler.offline import Simulation

API_VERSION, KIND = "kubelite.io/v1alpha1", "ClusterSnapshot"
ADMITTING = ("PriorityClass", "LimitRange", "ResourceQuota")
"""What admission makes of a pod, besides its own fields."""
MAKING = ("Deployment", "DaemonSet", "Job", "ResourceClaimTemplate")
"""Who makes pods and their claims, besides those that decisions look at."""
MODULES = ("kubelite.scheduler.forecast", "kubelite.cmd.questions.newpods")
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

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """As `typed`, with everything that the objects say."""
        return self.typed(kind, dict[str, Any])

    def simulation(self, configuration: Configuration | None = None, plugins: Sequence[Any] = ()) -> Simulation:
        """The scheduler's tables."""
        from kubelite.scheduler.offline import Simulation

        made = Simulation(configuration, plugins=plugins)
        collecting = gc.isenabled()
        gc.disable()  # nothing of what is read is garbage
        try:
            for kind in SIMULATED:
                if kind in self.lists:
                    made.add_list(kind, self.lists[kind])
        finally:
            if collecting:
                gc.enable()
        return made

    def saved(self) -> bytes:
        """For a file."""
        return msgspec.json.encode(
            _File(API_VERSION, KIND, {kind: msgspec.Raw(data) for kind, data in self.lists.items()})
        )


async def read(session: Session) -> Snapshot:
    """From the API. Raises StatusError where nodes or pods may not be read; other kinds are left out and told of."""
    found, kinds = Snapshot(), (*SIMULATED, *ADMITTING, *MAKING)
    fetch = Fetch(session, kinds, MODULES)
    try:
        for kind in kinds:
            body = await fetch.found(kind)
            if not isinstance(body, StatusError):
                found.lists[kind] = body
            elif kind in ("Node", "Pod") or body.code not in (403, 404):
                raise body
            elif body.code == 403:
                session.warn(f"Cannot read {kind} objects ({body.reason}): the answer does not count them.")
        await fetch.loaded()
    finally:
        await fetch.close()
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
