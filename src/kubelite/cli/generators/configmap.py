"""`create configmap`: from literals, files, directories and env files."""

from __future__ import annotations

import base64

from kubelite.cli.flags import Parsed
from kubelite.cli.generators import payload
from kubelite.cli.generators.base import generator, metadata, one_name
from kubelite.cli.session import Object


def build(parsed: Parsed) -> Object:
    obj: Object = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata(one_name(parsed))}
    text: dict[str, str] = {}
    binary: dict[str, str] = {}
    for key, value in payload.collect(parsed, "ConfigMap").items():
        try:
            text[key] = value.decode()
        except UnicodeDecodeError:
            binary[key] = base64.b64encode(value).decode()
    if text:
        obj["data"] = {key: text[key] for key in sorted(text)}
    if binary:
        obj["binaryData"] = {key: binary[key] for key in sorted(binary)}
    return obj


COMMAND = generator(
    "configmap",
    "Create a config map from a local file, directory or literal value",
    "create configmap NAME [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none]",
    build,
    flags=payload.FLAGS,
    refused=("--append-hash",),
    aliases=("cm",),
    examples=(
        ("Create a config map from the files of a directory", "create configmap my-config --from-file=path/to/bar"),
        ("Create a config map with two keys", "create configmap my-config --from-literal=key1=a --from-literal=key2=b"),
        ("Create a config map from an env file", "create configmap my-config --from-env-file=path/to/foo.env"),
    ),
)
