"""`configMapGenerator` and `secretGenerator`: objects from literals and files, with a hash of their content in the name.

What: `generate` adds to the resources or merges into those of a base; `hashed_name` has the suffix. Why: a changed
content gives a new name, so that what uses it rolls over. Flow: the file's entries → objects. Rules: kustomize api/hasher.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from kubelite.cli.failures import CliError
from kubelite.cli.kustomize.load import entry, inside
from kubelite.cli.kustomize.resource import Resource

_OPTIONS = {"labels": dict, "annotations": dict, "disableNameSuffixHash": bool, "immutable": bool}
_FIELDS: dict[str, type] = {
    "name": str, "namespace": str, "behavior": str, "literals": list, "files": list, "envs": list, "env": str,
    "options": dict, "type": str,
}  # fmt: skip
_LETTERS = str.maketrans({"0": "g", "1": "h", "3": "k", "a": "m", "e": "t"})


def generate(fields: dict[str, Any], directory: Path, resources: list[Resource]) -> None:
    """The generated objects, added to `resources` or merged into them. Raises CliError."""
    common = entry(fields.get("generatorOptions") or {}, "generatorOptions", _OPTIONS)
    for field, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
        for raw in fields.get(field) or ():
            args = entry(raw, field, _FIELDS)
            if not args.get("name"):
                raise CliError(f"{field} must have a name")
            made = _object(
                kind, args, _merged(common, entry(args.get("options") or {}, "options", _OPTIONS)), directory
            )
            _place(made, str(args.get("behavior") or "create"), resources)


def _merged(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    out = common | own
    for field in ("labels", "annotations"):
        both = (common.get(field) or {}) | (own.get(field) or {})
        if both:
            out[field] = both
    return out


def _object(kind: str, args: dict[str, Any], options: dict[str, Any], directory: Path) -> Resource:
    data = _data(args, directory)
    metadata: dict[str, Any] = {"name": args["name"]}
    if args.get("namespace"):
        metadata["namespace"] = args["namespace"]
    for field in ("labels", "annotations"):
        if options.get(field):
            metadata[field] = dict(options[field])
    obj: dict[str, Any] = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
    if kind == "Secret":
        obj |= {"data": {key: base64.b64encode(value).decode() for key, value in data.items()}}
        obj["type"] = args.get("type") or "Opaque"
    else:
        texts, binaries = _split(data)
        obj |= ({"data": texts} if texts or not binaries else {}) | ({"binaryData": binaries} if binaries else {})
    if options.get("immutable"):
        obj["immutable"] = True
    return Resource(obj, hashed=not options.get("disableNameSuffixHash"))


def _split(data: dict[str, bytes]) -> tuple[dict[str, str], dict[str, str]]:
    texts, binaries = {}, {}
    for key, value in data.items():
        try:
            texts[key] = value.decode()
        except UnicodeDecodeError:
            binaries[key] = base64.b64encode(value).decode()
    return texts, binaries


def _data(args: dict[str, Any], directory: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for literal in args.get("literals") or ():
        key, equals, value = str(literal).partition("=")
        if not equals or not key:
            raise CliError(f"invalid literal source {literal}, expected key=value")
        found[key] = _unquoted(value).encode()
    for source in args.get("files") or ():
        key, equals, path = str(source).partition("=")
        path = path if equals else key
        found[key if equals else Path(path).name] = _contents(inside(directory, path))
    for source in (*(args.get("envs") or ()), *([args["env"]] if args.get("env") else ())):
        for line in _contents(inside(directory, str(source))).decode().splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                key, _, value = line.partition("=")
                found[key.strip()] = value.encode()
    return found


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CliError(f"loading KV pairs: {path}: {(error.strerror or str(error)).lower()}") from error


def _place(made: Resource, behavior: str, resources: list[Resource]) -> None:
    present = [
        one for one in resources
        if one.kind == made.kind and one.answers_to(made.name) and made.namespace in ("", one.namespace)
    ]  # fmt: skip
    if behavior == "create":
        if present:
            raise CliError(f"id for {made.kind}/{made.name} exists; behavior must be merge or replace")
        resources.append(made)
        return
    if behavior not in ("merge", "replace"):
        raise CliError(f"unknown behavior {behavior!r}: must be create, merge or replace")
    if not present:
        raise CliError(f"id for {made.kind}/{made.name} does not exist; cannot merge or replace")
    for field in ("data", "binaryData", "stringData"):
        old = present[0].object.get(field) if behavior == "merge" else None
        new = (old or {}) | (made.object.get(field) or {})
        if new:
            present[0].object[field] = new
        else:
            present[0].object.pop(field, None)
    for field in ("labels", "annotations"):
        if made.metadata.get(field):
            present[0].metadata[field] = (present[0].metadata.get(field) or {}) | made.metadata[field]
    present[0].hashed = made.hashed


def hashed_name(resource: Resource) -> str:
    """The name with ten letters that stand for the content."""
    obj = resource.object
    content: dict[str, Any] = {"kind": resource.kind, "name": "", "data": obj.get("data") or ""}
    if resource.kind == "Secret":
        content["type"] = obj.get("type", "")
        if obj.get("stringData"):
            content["stringData"] = obj["stringData"]
    elif obj.get("binaryData"):
        content["binaryData"] = obj["binaryData"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f"{resource.name}-{hashlib.sha256(text.encode()).hexdigest()[:10].translate(_LETTERS)}"
