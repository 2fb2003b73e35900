"""Which names of a definition are accepted: each belongs to one definition of the group, whoever came first.

What: `decide(definition, others)` → accepted names and the NamesAccepted condition. Pure. Why: two kinds of one name would
make URLs, short names and manifests ambiguous. Flow: `follower` → here → status. Source:
apiextensions-apiserver/pkg/controller/status/naming_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from kubelite.api.types.apiextensions_v1 import CustomResourceDefinitionNames
from kubelite.machinery import codec


class _Spec(msgspec.Struct, gc=False):
    group: str = ""


class _Condition(msgspec.Struct, gc=False):
    type: str = ""
    status: str = ""


class _Status(msgspec.Struct, gc=False):
    acceptedNames: CustomResourceDefinitionNames | None = None
    conditions: list[_Condition] = []


class Claim(msgspec.Struct, gc=False):
    """What of a definition concerns the others of its group; far less than the whole, which may be large."""

    spec: _Spec
    status: _Status = msgspec.field(default_factory=_Status)

    @property
    def waits(self) -> bool:
        """Whether a name that it asked for is another's."""
        return not any(one.type == "NamesAccepted" and one.status == "True" for one in self.status.conditions)


claim = msgspec.json.Decoder(Claim).decode
"""The claim of a definition's JSON."""


class Decision(NamedTuple):
    """What the status should say; `reason` is NoConflicts where everything asked for was accepted."""

    names: CustomResourceDefinitionNames
    accepted: bool
    reason: str
    message: str


def decide(definition: Any, others: Iterable[Any]) -> Decision:
    """The names of `definition` beside all definitions of its group (itself included)."""
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        accepted = other.status.acceptedNames
        if accepted is not None:
            resources |= {accepted.plural, accepted.singular, *accepted.shortNames}
            kinds |= {accepted.kind, accepted.listKind}
    asked = definition.spec.names
    had = definition.status.acceptedNames or CustomResourceDefinitionNames()
    names = codec.clone(had)
    problem = ("", "")
    for field, used, reason in (
        ("plural", resources, "PluralConflict"),
        ("singular", resources, "SingularConflict"),
        ("shortNames", resources, "ShortNamesConflict"),
        ("kind", kinds, "KindConflict"),
        ("listKind", kinds, "ListKindConflict"),
    ):
        wanted, present = getattr(asked, field), getattr(had, field)
        if isinstance(wanted, list):
            own = {*present, had.plural, had.singular}
            taken = [one for one in wanted if one not in own and one in used]
        else:
            taken = [wanted] if wanted != present and wanted in used else []
        if taken:
            texts = [f'"{one}" is already in use' for one in taken]
            problem = (reason, texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
        else:
            setattr(names, field, wanted)
    names.categories = asked.categories
    if problem[0]:
        return Decision(names, False, *problem)
    return Decision(names, True, "NoConflicts", "no conflicts found")
