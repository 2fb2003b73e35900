"""The rules of a custom resource's write path: what a status write keeps, what the schema refuses.

What: `prepare_*` and `validate*` of the kinds that `kinds` declares. Why: the same steps as for built-in kinds, read off
the schema instead of written by hand. Flow: `registry.create` and `registry.update` call them through the Kind. Sources:
apiextensions-apiserver/pkg/registry/customresource/{strategy,status_strategy,validator}.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.meta import STANDARD_FINALIZERS
from kubelite.apiserver.crd.embedded import validate_embedded
from kubelite.apiserver.crd.served import Served
from kubelite.machinery import codec, fielderrors, labels
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.structural import listtypes, values
from kubelite.machinery.structural.schema import ABSENT
from kubelite.machinery.unstructured import Unstructured

BLOCKING = frozenset(
    ("FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid")
)
NOT_CHECKED = FieldError(
    "FieldValueInvalid",
    "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)
MAX_REPLICAS = 2**31 - 1


class CustomRules:
    """The rules of one version. `has_status` and `scale` say which subresources it has."""

    def __init__(self, served: Served, *, has_status: bool, scale: Any | None) -> None:
        self._served = served
        self._has_status = has_status
        self._scale = scale

    def prepare_create(self, obj: Unstructured) -> None:
        """After admission, which may have put in what the schema does not have; starts without a status if that is apart."""
        self._served.set_defaults(obj)
        if self._has_status:
            obj.content.pop("status", None)

    def prepare_update(self, new: Unstructured, old: Unstructured) -> None:
        if not self._has_status:
            return
        if "status" in old.content:
            new.content["status"] = old.content["status"]
        else:
            new.content.pop("status", None)

    def prepare_status_update(self, new: Unstructured, old: Unstructured) -> None:
        """Everything but the status, and who manages which field, stays."""
        status = new.content.get("status", ABSENT)
        managed = new.metadata.managedFields
        kept = codec.clone(old)
        new.metadata, new.content = kept.metadata, kept.content
        new.metadata.managedFields = managed
        new.content.pop("status", None)
        if status is not ABSENT:
            new.content["status"] = status

    def warnings(self, new: Unstructured, old: Unstructured | None) -> list[str]:
        """Finalizers should say whose they are."""
        known = {*STANDARD_FINALIZERS, *(old.metadata.finalizers if old is not None else ())}
        return [
            f'metadata.finalizers: "{name}": prefer a domain-qualified finalizer name including a path (/) to avoid accidental '
            "conflicts with other finalizer writers"
            for name in new.metadata.finalizers
            if "/" not in name and name not in known
        ]

    def validate(self, obj: Unstructured) -> list[FieldError]:
        """A new object."""
        return self._validate(obj, None)

    def validate_update(self, new: Unstructured, old: Unstructured) -> list[FieldError]:
        return self._validate(new, old)

    def _validate(self, new: Unstructured, old: Unstructured | None) -> list[FieldError]:
        served = self._served
        node = served.family.node(served.version)
        rules = served.family.rules(served.version)
        document, before = _document(new, node), ABSENT if old is None else _document(old, node)
        out = self._validate_scale(new.content)
        out += values.validate(document, node, before)
        out += validate_embedded(new.content, node, "")
        repeated = listtypes.validate(new.content, node)
        if repeated and old is not None:
            known = {str(error) for error in listtypes.validate(old.content, node)}
            repeated = [error for error in repeated if str(error) not in known]
        out += repeated
        if not rules.any:
            return out
        if any(error.type in BLOCKING for error in out):
            return [*out, NOT_CHECKED]
        return out + rules.check(document, before)

    def _validate_scale(self, content: dict[str, Any]) -> list[FieldError]:
        if self._scale is None:
            return []
        out: list[FieldError] = []
        for path in (self._scale.specReplicasPath, self._scale.statusReplicasPath):
            number = at(content, path)
            if isinstance(number, int) and not isinstance(number, bool):
                if number < 0:
                    out.append(fielderrors.invalid(Path(path), number, "should be a non-negative integer"))
                elif number > MAX_REPLICAS:
                    detail = f"should be less than or equal to {MAX_REPLICAS}"
                    out.append(fielderrors.invalid(Path(path), number, detail))
        text = at(content, self._scale.labelSelectorPath) if self._scale.labelSelectorPath else None
        if isinstance(text, str) and text:
            try:
                labels.parse(text)
            except ValueError as error:
                out.append(fielderrors.invalid(Path(self._scale.labelSelectorPath), text, str(error)))
        return out


def _document(obj: Unstructured, node: Any) -> dict[str, Any]:
    """The whole object as plain values; the metadata only where the schema or a rule might look at it."""
    described = node.properties.get("metadata")
    wants = node.rules or (described is not None and (described.properties or described.rules))
    metadata = codec.to_generic(obj.metadata) if wants else {}
    return {"metadata": metadata, "apiVersion": obj.apiVersion, "kind": obj.kind, **obj.content}


def at(content: Any, path: str) -> Any:
    """The value at a simple path such as `.spec.replicas`; None where it ends."""
    value = content
    for step in path.removeprefix(".").split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value
