"""A pod as the checks look at it.

What: `View` gives containers of all kinds with their security contexts; the functions word lists of them. Why: twenty checks ask
the same. Flow: a pod's annotations and spec in, names and texts out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubelite.api.types.core_v1 import PodSecurityContext, PodSpec, SecurityContext

_NO_CONTEXT = SecurityContext()
_NO_POD_CONTEXT = PodSecurityContext()


@dataclass(frozen=True, slots=True)
class View:
    """`annotations` and `spec` of a pod or of a template."""

    annotations: Mapping[str, str]
    spec: PodSpec

    @property
    def context(self) -> PodSecurityContext:
        return self.spec.securityContext or _NO_POD_CONTEXT

    @property
    def is_windows(self) -> bool:
        return self.spec.os is not None and self.spec.os.name == "windows"

    def containers(self) -> Iterator[Any]:
        yield from self.spec.initContainers
        yield from self.spec.containers
        yield from self.spec.ephemeralContainers

    def contexts(self) -> Iterator[tuple[str, SecurityContext]]:
        """(container's name, its context, which is empty where it has none)."""
        for container in self.containers():
            yield container.name, container.securityContext or _NO_CONTEXT

    def names(self, wrong: Callable[[SecurityContext], bool]) -> list[str]:
        """The containers whose context is wrong."""
        return [name for name, context in self.contexts() if wrong(context)]


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def plural(word: str, names: list[str]) -> str:
    """`container "a"` or `containers "a", "b"`."""
    return f"{word}{'s' if len(names) > 1 else ''} {quoted(names)}"


def distinct(values: Iterable[str]) -> list[str]:
    """Sorted, each once."""
    return sorted(set(values))
