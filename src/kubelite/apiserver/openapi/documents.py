"""The documents: OpenAPI 3 per group version, OpenAPI 2 for everything.

What: `v3_document`, `v2_content` as plain values, with the two styles. Why: kubectl from 1.27 on reads version 3 group by
group; older tools read version 2. Flow: kinds → operations → closure of definitions → document.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubelite.api import constants
from kubelite.apiserver.openapi.operations import Style, path_items
from kubelite.apiserver.openapi.schemas import META, V2_PREFIX, Schemas
from kubelite.machinery.kind import Kind

INFO = {"title": "Kubernetes", "version": constants.KUBERNETES_VERSION}
DESCRIPTIONS = {200: "OK", 201: "Created", 202: "Accepted"}
SECURITY = {
    "BearerToken": {
        "description": "Bearer Token authentication",
        "in": "header",
        "name": "authorization",
        "type": "apiKey",
    }
}


class V3:
    """OpenAPI 3.0: bodies and answers by media type."""

    def __init__(self) -> None:
        self.schemas = Schemas("#/components/schemas/")
        self.used: set[str] = set()

    def parameter(self, name: str, place: str, type_: str, text: str, *, required: bool) -> dict[str, Any]:
        found: dict[str, Any] = {"name": name, "in": place, "description": text}
        found["schema"] = {"type": type_, "uniqueItems": True}
        if required:
            found["required"] = True
        return found

    def _ref(self, definition: str) -> dict[str, Any]:
        self.used.add(definition)
        return self.schemas.ref(definition)

    def operation(self, body: str, media: tuple[str, ...], answer: str, codes: tuple[int, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {"responses": {"401": {"description": "Unauthorized"}}}
        for code in codes:
            if answer:
                content = {kind: {"schema": self._ref(answer)} for kind in ("application/json", "application/yaml")}
            else:
                content = {"*/*": {"schema": {"type": "string"}}}
            found["responses"][str(code)] = {"description": DESCRIPTIONS[code], "content": content}
        if body:
            found["requestBody"] = {"content": {kind: {"schema": self._ref(body)} for kind in media}}
        return found


class V2:
    """OpenAPI 2.0 (Swagger): one schema for all media types."""

    def __init__(self) -> None:
        self.schemas = Schemas(V2_PREFIX)
        self.used: set[str] = set()

    def parameter(self, name: str, place: str, type_: str, text: str, *, required: bool) -> dict[str, Any]:
        found: dict[str, Any] = {"name": name, "in": place, "description": text, "type": type_, "uniqueItems": True}
        if required:
            found["required"] = True
        return found

    def operation(self, body: str, media: tuple[str, ...], answer: str, codes: tuple[int, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "responses": {"401": {"description": "Unauthorized"}},
            "consumes": list(media) if body else ["*/*"],
            "produces": ["application/json", "application/yaml"],
            "schemes": ["https"],
        }
        for code in codes:
            schema: dict[str, Any] = self.schemas.ref(answer) if answer else {"type": "string"}
            found["responses"][str(code)] = {"description": DESCRIPTIONS[code], "schema": schema}
        self.used.update(one for one in (body, answer) if one)
        if body:
            required = not body.endswith(".DeleteOptions")
            parameter: dict[str, Any] = {"name": "body", "in": "body", "schema": self.schemas.ref(body)}
            found["parameters"] = [{**parameter, "required": True} if required else parameter]
        return found


def _paths(kinds: Iterable[Kind], style: Style) -> dict[str, Any]:
    paths = {path: item for kind in kinds if kind.verbs for path, item in path_items(kind, style)}
    return dict(sorted(paths.items()))


def v3_document(kinds: Iterable[Kind]) -> dict[str, Any]:
    """The document of one group version."""
    style = V3()
    paths = _paths(kinds, style)
    return {
        "openapi": "3.0.0",
        "info": INFO,
        "paths": paths,
        "components": {
            "schemas": style.schemas.closure([*style.used, META + "Status", META + "WatchEvent"]),
            "securitySchemes": SECURITY,
        },
    }


V2_HEAD = {
    "swagger": "2.0",
    "info": INFO,
    "securityDefinitions": SECURITY,
    "security": [{"BearerToken": []}],
}
"""What the version 2 document has besides paths and definitions."""


def v2_content(kinds: Iterable[Kind]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Paths and definitions of some kinds for the version 2 document."""
    style = V2()
    paths = _paths(kinds, style)
    return paths, style.schemas.closure([*style.used, META + "Status", META + "WatchEvent"])
