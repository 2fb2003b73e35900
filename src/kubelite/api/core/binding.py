"""Binding: the scheduler's word that a pod goes to a node. Answered by `pods/binding`, never stored."""

from __future__ import annotations

from kubelite.api.types.core_v1 import Binding
from kubelite.machinery import fielderrors
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Kind


def validate(binding: Binding) -> list[FieldError]:
    path = Path("target")
    kind, name = (binding.target.kind, binding.target.name) if binding.target else ("", "")
    errors: list[FieldError] = []
    if kind and kind != "Node":
        errors.append(fielderrors.not_supported(path / "kind", kind, ("Node", "<empty>"), as_listed=True))
    if not name:
        errors.append(fielderrors.required(path / "name"))
    return errors


BINDING = Kind(
    group="",
    version="v1",
    kind="Binding",
    plural="bindings",
    type=Binding,
    verbs=("create",),
    stored=False,
    validate=validate,
)
