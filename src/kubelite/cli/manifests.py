"""Objects from files: `-f FILE|DIRECTORY|URL|-`.

What: `read` yields every object of the named files with the name of its source. Why: create, apply, delete, get and others take
the same files. Flow: bytes → YAML or JSON documents → plain objects; a List becomes its items. Texts follow
cli-runtime/pkg/resource/builder.go and visitor.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kubelite.cli.failures import CliError
from kubelite.cli.options import Kustomization
from kubelite.cli.session import Object, Session
from kubelite.machinery import yamlcodec

EXTENSIONS = (".json", ".yaml", ".yml")


def read(session: Session, filenames: Iterable[str], recursive: bool = False) -> list[tuple[Object, str]]:
    """(object, source) in order. Raises CliError for what cannot be read."""
    filenames = list(filenames)
    found: list[tuple[Object, str]] = []
    if len(filenames) > 1 and any(isinstance(name, Kustomization) for name in filenames):
        raise CliError("only one of -f or -k can be specified")
    for filename in filenames:
        if isinstance(filename, Kustomization):
            found += [(obj, filename) for obj in _built(session, filename)]
            continue
        for source, data in _bytes(session, filename, recursive):
            for document in _documents(source, data):
                found += [(item, source) for item in _flattened(document)]
    return found


def _built(session: Session, directory: str) -> list[Object]:
    from kubelite.cli.kustomize import build

    objects, warnings = build(directory)
    for warning in warnings:
        session.warn(warning)
    return objects


def _bytes(session: Session, filename: str, recursive: bool) -> Iterator[tuple[str, bytes]]:
    if filename == "-":
        yield "STDIN", session.streams.read_stdin()
        return
    if filename.startswith(("http://", "https://")):
        yield filename, _download(filename)
        return
    path = Path(filename)
    if path.is_dir():
        files = sorted(path.rglob("*") if recursive else path.iterdir())
        wanted = [file for file in files if file.is_file() and file.suffix in EXTENSIONS]
        if not wanted and not recursive:
            raise CliError(
                f"error reading [{filename}]: recognized file extensions are [.json .yaml .yml]",
            )
        for file in wanted:
            yield str(file), _contents(file)
        return
    if not path.exists():
        raise CliError(f'the path "{filename}" does not exist')
    yield filename, _contents(path)


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CliError(f"open {path}: {(error.strerror or str(error)).lower()}") from error


def _download(url: str) -> bytes:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bytes(answer.read(64 << 20))
    except urllib.error.HTTPError as error:
        raise CliError(
            f'unable to read URL "{url}", server reported {error.code} {error.reason}, status code={error.code}'
        ) from error
    except OSError as error:
        raise CliError(f'unable to read URL "{url}": {error}') from error


def _documents(source: str, data: bytes) -> Iterator[Any]:
    if data.lstrip()[:1] == b"{":
        try:
            yield json.loads(data)
            return
        except ValueError:
            pass  # several JSON objects, or YAML in flow style: the YAML reader decides
    try:
        for document in yamlcodec.load_all(data):
            if document is not None:
                yield document
    except yamlcodec.YAMLError as error:
        raise CliError(f"error parsing {source}: error converting YAML to JSON: {error}") from error


def _flattened(document: Any) -> Iterator[Object]:
    if not isinstance(document, dict):
        raise CliError(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
            f"{'string' if isinstance(document, str) else 'array' if isinstance(document, list) else 'number'} into Go "
            "value of type map[string]interface {}"
        )
    if str(document.get("kind") or "").endswith("List") and isinstance(document.get("items"), list):
        version, kind = document.get("apiVersion"), str(document["kind"]).removesuffix("List")
        for item in document["items"]:
            typed = {} if kind == "" else {"apiVersion": version, "kind": kind}
            yield from _flattened(typed | item if isinstance(item, dict) else item)
        return
    yield document
