"""`Family`: all versions of one custom resource, as one state of its definition has them.

What: schemas by version, compiled when first used; which version is stored; who converts. Why: most definitions of a
cluster are never used: until somebody is interested they cost the bytes of the definition and little more. Flow: `follower`
makes a Family for every change of a definition's spec or accepted names; `served.Served` asks it.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from kubelite.apiserver.crd.webhook import Converter
from kubelite.machinery.apply.shape import Shape
from kubelite.machinery.structural.rules import RuleSet
from kubelite.machinery.structural.schema import Node, node_of


class _Schema(msgspec.Struct):
    openAPIV3Schema: dict[str, Any] | None = None


class _Version(msgspec.Struct):
    name: str
    schema: _Schema | None = None


class _Spec(msgspec.Struct):
    versions: list[_Version]


class _Body(msgspec.Struct):
    spec: _Spec


_schemas = msgspec.json.Decoder(_Body)


class Family:
    """`body` is the definition as JSON; `converter` is None where versions differ by name only."""

    def __init__(self, definition: Any, body: bytes, converter: Converter | None) -> None:
        spec = definition.spec
        names = definition.status.acceptedNames or spec.names
        self.name: str = definition.metadata.name
        self.group: str = spec.group
        self.kind: str = names.kind
        self.list_kind: str = names.listKind or f"{names.kind}List"
        self.storage_version = next((one.name for one in spec.versions if one.storage), "")
        self.converter = converter
        self.terminating = False
        self.digest = hashlib.sha256(msgspec.json.encode([spec, names])).digest()
        """Names what the definition says; equal on every server."""
        self._body = body
        self._nodes: dict[str, Node] = {}
        self._shapes: dict[str, Shape] = {}
        self._rules: dict[str, RuleSet] = {}

    def api_version(self, version: str) -> str:
        return f"{self.group}/{version}"

    def schema(self, version: str) -> dict[str, Any] | None:
        """The plain schema of a version; read from the definition each time, nobody needs it often."""
        for one in _schemas.decode(self._body).spec.versions:
            if one.name == version:
                return one.schema.openAPIV3Schema if one.schema is not None else None
        return None

    def node(self, version: str) -> Node:
        """The compiled schema of a version; of a version that is gone, one that allows everything."""
        found = self._nodes.get(version)
        if found is None:
            found = self._nodes[version] = node_of(self.schema(version))
        return found

    def shape(self, version: str) -> Shape:
        """How the fields of a version merge."""
        found = self._shapes.get(version)
        if found is None:
            from kubelite.api import ownership

            found = self._shapes[version] = ownership.custom(self.schema(version))
        return found

    def rules(self, version: str) -> RuleSet:
        """The compiled x-kubernetes-validations of a version."""
        found = self._rules.get(version)
        if found is None:
            found = self._rules[version] = RuleSet(self.node(version))
        return found
