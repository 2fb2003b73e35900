"""The definitions of the published types, as OpenAPI wants them.

What: `Schemas` finds a kind's definition by its Struct and collects everything that a set of definitions refers to. Why:
the facts lie in `api/schemas/*.json` with JSON-schema references; OpenAPI 2 and 3 each have another place for definitions.
Flow: names of the kinds of a group version → closure → definitions with rewritten references, kubelite's descriptions, and
the values that are named for a field, in the schema and at the end of its text.
Files are read when a document is built and not kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from typing import Any

import msgspec

from kubelite.api.descriptions import describe
from kubelite.api.enums import values_of
from kubelite.machinery.kind import Kind

SOURCE_REF = "#/$defs/"
V2_PREFIX = "#/definitions/"
META = "io.k8s.apimachinery.pkg.apis.meta.v1."


def module_of(definition: str) -> str:
    """The file that has a definition: `io.k8s.api.apps.v1.Deployment` → `apps_v1`."""
    if definition.startswith(("io.k8s.apimachinery.pkg.api.resource.", "io.k8s.apimachinery.pkg.runtime.")):
        return "meta_v1"
    if definition.startswith("io.k8s.apimachinery.pkg.util."):
        return "meta_v1"
    if definition.startswith("io.k8s.apimachinery.pkg.version."):
        return "version_info"
    parts = definition.split(".")
    return f"{parts[-3]}_{parts[-2]}"


def raw_file(module: str) -> bytes:
    """The facts of one module, as they lie on disk."""
    return resources.files("kubelite.api.schemas").joinpath(f"{module}.json").read_bytes()


class Schemas:
    """The definitions, read on demand; made for one document and dropped after it."""

    def __init__(self, ref_prefix: str) -> None:
        self._prefix = ref_prefix
        self._modules: dict[str, dict[str, Any]] = {}
        self._own: dict[str, dict[str, Any]] = {}

    def _module(self, name: str) -> dict[str, Any]:
        found = self._modules.get(name)
        if found is None:
            found = self._modules[name] = msgspec.json.decode(raw_file(name))
        return found

    def name_of(self, type_: type[Any]) -> str:
        """The definition of a generated Struct."""
        module = type_.__module__.rpartition(".")[2]
        suffix = f".{type_.__name__}"
        return next(name for name in self._module(module) if name.endswith(suffix))

    def of_kind(self, kind: Kind) -> str:
        """The definition of a kind; that of a custom resource is made here."""
        if kind.custom is None:
            return self.name_of(kind.type)
        from kubelite.apiserver.openapi import custom

        name = custom.definition_name(kind)
        if name not in self._own:
            self._own.update(custom.definitions(kind, v2=self._prefix == V2_PREFIX))
        return name

    def has(self, definition: str) -> bool:
        try:
            return definition in self._module(module_of(definition))
        except FileNotFoundError:
            return False

    def closure(self, definitions: Iterable[str]) -> dict[str, Any]:
        """The definitions and all that they refer to, in order of their names."""
        wanted, found = list(definitions), dict[str, Any]()
        while wanted:
            name = wanted.pop()
            if name in found:
                continue
            own = self._own.get(name)
            schema = own if own is not None else self._module(module_of(name)).get(name)
            if schema is None:  # the facts have no form for what may be one of two things: it may be anything
                found[name] = {}
                continue
            refs: list[str] = []
            found[name] = self._scalar(name) or self._rewritten(schema, refs)
            if own is None:
                self._add_descriptions(name, found[name])
                _add_values(name, found[name])
            wanted += refs
        return dict(sorted(found.items()))

    def _scalar(self, name: str) -> dict[str, Any] | None:
        """OpenAPI 2 knows no alternatives: there a number or text is a string."""
        if self._prefix != V2_PREFIX:
            return None
        if name.endswith(".Quantity"):
            return {"type": "string"}
        return {"type": "string", "format": "int-or-string"} if name.endswith(".IntOrString") else None

    def ref(self, definition: str) -> dict[str, str]:
        return {"$ref": self._prefix + definition}

    def _rewritten(self, node: Any, refs: list[str]) -> Any:
        """A copy with this document's references; the referred names are added to `refs`."""
        if isinstance(node, list):
            return [self._rewritten(one, refs) for one in node]
        if not isinstance(node, dict):
            return node
        ref = node.get("$ref")
        if isinstance(ref, str):
            name = ref.removeprefix(SOURCE_REF)
            refs.append(name)
            return {**{key: value for key, value in node.items() if key != "$ref"}, "$ref": self._prefix + name}
        return {key: self._rewritten(value, refs) for key, value in node.items()}

    def _add_descriptions(self, name: str, schema: dict[str, Any]) -> None:
        text = describe(name, "")
        if text:
            schema["description"] = text
        for field, inner in schema.get("properties", {}).items():
            text = describe(name, field)
            if not text:
                continue
            ref = inner.pop("$ref", None)
            if ref is not None and self._prefix != V2_PREFIX:
                inner["allOf"] = [{"$ref": ref}]  # OpenAPI 3.0 ignores what stands beside a reference
            elif ref is not None:
                inner["$ref"] = ref
            inner["description"] = text


def _add_values(name: str, schema: dict[str, Any]) -> None:
    """Names the values of fields. Of a list or map they stand at its items, and upstream's text does not repeat them."""
    for field, values in values_of(name).items():
        inner = schema["properties"][field]
        several = inner.get("items") or inner.get("additionalProperties")
        (several or inner)["enum"] = list(values)
        if several is None:
            listed = "\n".join(["Possible enum values:", *(f' - `"{value}"`' for value in values)])
            inner["description"] = "\n\n".join(part for part in (inner.get("description"), listed) if part)
