"""`explain`: what a resource's fields mean, from the server's OpenAPI v3.

Flow: `TYPE.path.to.field` → the group version's document → the schema at the path → text. Layout follows
kubectl/pkg/explain/v2/templates/plaintext.tmpl.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, PlainError, not_supported
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.resources import Resource, Resources
from kubelite.cli.session import Session

Schema = dict[str, Any]
WIDTH = 80
SHOWN_VALUES = 4


@dataclass(frozen=True, slots=True)
class Options:
    """The field to explain."""

    args: tuple[str, ...]
    recursive: bool
    api_version: str
    output: str


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(tuple(parsed.args), parsed.on("recursive"), parsed.text("api-version"), parsed.text("output"))


def validate(opts: Options) -> None:
    if not opts.args:
        raise CliError(
            'You must specify the type of resource to explain. Use "kubelite api-resources" for a complete list of supported '
            "resources."
        )
    if len(opts.args) > 1:
        raise CliError("We accept only this format: explain RESOURCE")
    if opts.output not in ("plaintext", "plaintext-openapiv2"):
        raise not_supported(f"output format {opts.output} of explain")


async def run(opts: Options, session: Session) -> int:
    resource, path = await _resource(opts, session)
    version = "api/v1" if not resource.group else f"apis/{resource.api_version}"
    index = await session.json("GET", "/openapi/v3")
    entry = (index.get("paths") or {}).get(version)
    if entry is None:
        raise CliError(
            f'couldn\'t find resource for "{resource.api_version}, Kind={resource.kind}" in the OpenAPI schema'
        )
    document = await session.json("GET", entry["serverRelativeURL"])
    schemas: dict[str, Schema] = document["components"]["schemas"]
    book = Book(schemas)
    try:
        session.write(book.page(resource, path, opts.recursive))
    except NoField as error:
        session.write(error.head)
        raise
    return 0


async def _resource(opts: Options, session: Session) -> tuple[Resource, list[str]]:
    words = opts.args[0].split(".")
    resources = await session.resources()
    found, path = _longest(resources, words)
    if opts.api_version:
        wanted = resources.for_kind(opts.api_version, found.kind)
        if wanted is None:
            raise CliError(f'couldn\'t find resource for "{opts.api_version}, Kind={found.kind}"')
        found = wanted
    return found, path


def _longest(resources: Resources, words: list[str]) -> tuple[Resource, list[str]]:
    """The resource that most of the words name (`deployments.apps.spec`), and the words left over."""
    for size in range(len(words), 0, -1):
        try:
            return resources.named(".".join(words[:size])), words[size:]
        except CliError:
            continue
    raise PlainError(f'the server doesn\'t have a resource type "{words[0]}"')


class NoField(CliError):
    """A field that does not exist; `head` is printed all the same."""

    def __init__(self, head: str, name: str) -> None:
        super().__init__(f'field "{name}" does not exist')
        self.head = head


class Book:
    """The schemas of one group version."""

    def __init__(self, schemas: dict[str, Schema]) -> None:
        self.schemas = schemas

    def find(self, resource: Resource) -> Schema:
        wanted = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        for schema in self.schemas.values():
            if wanted in (schema.get("x-kubernetes-group-version-kind") or ()):
                return schema
        raise CliError(f'couldn\'t find resource for "{resource.api_version}, Kind={resource.kind}"')

    def resolve(self, schema: Schema) -> Schema:
        """The schema behind references, single-member unions, items and values."""
        for _ in range(20):
            if "$ref" in schema:
                schema = self.schemas.get(schema["$ref"].rpartition("/")[2], {})
            elif len(schema.get("allOf") or ()) == 1:
                schema = schema["allOf"][0]
            elif schema.get("type") == "array" and isinstance(schema.get("items"), dict):
                schema = schema["items"]
            elif isinstance(schema.get("additionalProperties"), dict) and not schema.get("properties"):
                schema = schema["additionalProperties"]
            else:
                return schema
        return schema

    def type_of(self, schema: Schema) -> str:
        """`string`, `[]Container`, `map[string]string`, `PodSpec`."""
        if "$ref" in schema:
            name: str = schema["$ref"].rpartition("/")[2]
            inner = self.schemas.get(name, {})
            plain = inner.get("type")
            if plain and plain != "object" and not inner.get("properties"):
                return name.rpartition(".")[2] if inner.get("format") == "int-or-string" else str(plain)
            return name.rpartition(".")[2]
        if len(schema.get("allOf") or ()) == 1:
            return self.type_of(schema["allOf"][0])
        if schema.get("type") == "array":
            return f"[]{self.type_of(schema.get('items') or {})}"
        if isinstance(schema.get("additionalProperties"), dict):
            return f"map[string]{self.type_of(schema['additionalProperties'])}"
        if schema.get("oneOf") and not schema.get("type"):
            return "Object"
        plain = str(schema.get("type") or "object")
        return "Object" if plain == "object" else plain

    def descriptions(self, schema: Schema) -> list[str]:
        """The description of the field, then those of the types it leads to."""
        found: list[str] = []
        for _ in range(20):
            text = str(schema.get("description") or "")
            if text:
                found.append(text)
            if "$ref" in schema:
                schema = self.schemas.get(schema["$ref"].rpartition("/")[2], {})
            elif len(schema.get("allOf") or ()) == 1:
                schema = schema["allOf"][0]
            elif schema.get("type") == "array" and isinstance(schema.get("items"), dict):
                schema = schema["items"]
            elif isinstance(schema.get("additionalProperties"), dict) and not schema.get("properties"):
                schema = schema["additionalProperties"]
            else:
                break
        return found

    def page(self, resource: Resource, path: list[str], recursive: bool) -> str:
        """The whole text. Raises CliError for a field that does not exist."""
        lines = [f"GROUP:      {resource.group}"] if resource.group else []
        lines += [f"KIND:       {resource.kind}", f"VERSION:    {resource.version}", ""]
        schema = self.find(resource)
        for name in path:
            properties = self.resolve(schema).get("properties") or {}
            if name not in properties:
                raise NoField("\n".join(lines) + "\n", name)
            schema = properties[name]
        if path:
            listed = [f"    {value}" for value in _values(schema)]
            lines += [f"FIELD: {path[-1]} <{self.type_of(schema)}>", *(["ENUM:", *listed] if listed else [""]), ""]
        lines.append("DESCRIPTION:")
        described = self.descriptions(schema)
        for text in described or ["<empty>"]:
            lines += wrapped(text, 4)
        lines += ["    "] if described else []
        resolved = self.resolve(schema)
        if resolved.get("properties"):
            lines.append("FIELDS:")
            lines += self._fields(resolved, 1, recursive, [])
        return "\n".join(lines) + "\n" + "\n"

    def _fields(self, schema: Schema, level: int, recursive: bool, above: list[int]) -> list[str]:
        required = schema.get("required") or ()
        lines: list[str] = []
        for name in sorted(schema.get("properties") or {}):
            field = schema["properties"][name]
            mark = " -required-" if name in required else ""
            lines.append(f"{'  ' * level}{name}\t<{self.type_of(field)}>{mark}")
            if not recursive:
                lines += _enum(field, 2)
                for text in self.descriptions(field)[:1] or ["<no description>"]:
                    lines += wrapped(text, 4)
                lines.append("")
                continue
            lines += _enum(field, 2 * level)
            inner = self.resolve(field)
            if inner.get("properties") and id(inner) not in above:
                lines += self._fields(inner, level + 1, True, [*above, id(inner)])
        return lines


def _values(schema: Schema) -> list[str]:
    """The allowed values; an empty text is shown with quotes."""
    return [str(value) or '""' for value in schema.get("enum") or ()]


def _enum(schema: Schema, indent: int) -> list[str]:
    """The first few allowed values in one line."""
    values = _values(schema)
    shown = [*values[:SHOWN_VALUES], "...."] if len(values) > SHOWN_VALUES else values
    return [f"{' ' * indent}enum: {', '.join(shown)}"] if shown else []


def wrapped(text: str, indent: int) -> list[str]:
    """Paragraphs wrapped to the page, each line indented."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += textwrap.wrap(paragraph, WIDTH - indent, break_long_words=False, break_on_hyphens=False) or [""]
    return [" " * indent + line for line in lines]


COMMAND = Command(
    name="explain",
    summary="Get documentation for a resource",
    usage="explain TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] [-o|--output=plaintext]",
    long="Describes fields and structure of resources. Fields are named by a path: <type>.<fieldName>[.<fieldName>].",
    examples=(
        ("The documentation of pods", "explain pods"),
        ("All fields of a pod", "explain pods --recursive"),
        ("One field of a pod", "explain pods.spec.containers"),
        ("A resource of a certain version", "explain deployments --api-version=apps/v1"),
    ),
    flags=(
        Flag("api-version", "Explain this version of the resource."),
        Flag("output", "plaintext.", short="o", default="plaintext"),
        Flag("recursive", "Print the names of all fields, without their descriptions.", type="bool"),
    ),
    complete=complete,
    validate=validate,
    run=run,
)
