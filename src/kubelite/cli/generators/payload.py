"""Keys and values for config maps and secrets: `--from-literal`, `--from-file`, `--from-env-file`.

Flow: flags → {key: bytes}. Texts and rules follow kubectl/pkg/util/util.go and kubectl/pkg/cmd/create/create_configmap.go.
"""

from __future__ import annotations

import os
from pathlib import Path

from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed

FROM_FILE = Flag("from-file", "A file, key=file, or a directory whose files become keys.", type="slice")
FLAGS = (
    Flag("from-literal", "A key and its value: mykey=somevalue.", type="array"),
    FROM_FILE,
    Flag("from-env-file", "A file of key=val lines.", type="slice"),
)


def collect(parsed: Parsed, what: str) -> dict[str, bytes]:
    """The data of the three flags. Raises CliError."""
    data: dict[str, bytes] = {}
    files, literals, env_files = (
        parsed.values.get(flag, ()) for flag in ("from-file", "from-literal", "from-env-file")
    )
    if env_files and (files or literals):
        raise CliError("from-env-file cannot be combined with from-file or from-literal")
    for text in literals:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise CliError(f"invalid literal source {text}, expected key=value")
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        _add(data, key, value.encode(), what)
    for text in files:
        _from_file(data, text, what)
    for name in env_files:
        _from_env_file(data, name, what)
    return data


def _add(data: dict[str, bytes], key: str, value: bytes, what: str) -> None:
    from kubelite.machinery.names import config_map_key

    problems = config_map_key(key)
    if problems:
        raise CliError(f'"{key}" is not a valid key name for a {what}: {",".join(problems)}')
    if key in data:
        raise CliError(f'cannot add key "{key}", another key by that name already exists in Data')
    data[key] = value


def _from_file(data: dict[str, bytes], text: str, what: str) -> None:
    key, equals, name = text.partition("=")
    if not equals:
        key, name = os.path.basename(text.rstrip("/")), text
    elif not key:
        raise CliError(f'key name for file path "{name}" missing')
    elif not name:
        raise CliError(f'file path for key name "{key}" missing')
    path = Path(name)
    try:
        if path.is_dir():
            if equals:
                raise CliError("cannot give a key name for a directory path")
            for file in sorted(path.iterdir()):
                if file.is_file():
                    _add(data, file.name, file.read_bytes(), what)
            return
        _add(data, key, path.read_bytes(), what)
    except OSError as error:
        raise CliError(f"error reading {name}: {(error.strerror or '').lower()}") from error


def _from_env_file(data: dict[str, bytes], name: str, what: str) -> None:
    try:
        lines = Path(name).read_text().splitlines()
    except OSError as error:
        raise CliError(f"error reading {name}: {(error.strerror or '').lower()}") from error
    for line in lines:
        line = line.lstrip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        _add(data, key, (value if equals else os.environ.get(key, "")).encode(), what)
