"""Reads a KubeSchedulerConfiguration file.

What: `load(text)` → the checked `Configuration` whose pluginConfig holds typed arguments; `ConfigurationError` with
upstream's texts otherwise. Flow: YAML or JSON → strict check for unknown and repeated fields → types → defaults → validation.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError
from kubelite.machinery.strict import field_errors, strict_errors
from kubelite.scheduler.config.types import API_VERSION, KIND, Configuration, Profile
from kubelite.scheduler.config.validation import validate
from kubelite.scheduler.plugins.args import ARGS
from kubelite.scheduler.profile import DEFAULT_NAME


class ConfigurationError(ValueError):
    """The file cannot be used; the text says why."""


def load(text: bytes) -> Configuration:
    """The configuration that a file describes, complete with defaults."""
    repeated: list[str] = []
    try:
        document = codec.decode_yaml(text, repeated)
    except (ValueError, StatusError) as error:
        raise ConfigurationError(f"cannot read the configuration: {error}") from None
    if not isinstance(document, dict):
        raise ConfigurationError("the configuration is not an object")
    version, kind = document.get("apiVersion", ""), document.get("kind", "")
    if (version, kind) != (API_VERSION, KIND):
        raise ConfigurationError(
            f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/scheduler/apis/config/scheme"'
        )
    found: Configuration = _typed(document, Configuration, repeated)
    if not found.profiles:
        found.profiles = [Profile()]
    if len(found.profiles) == 1 and found.profiles[0].schedulerName is None:
        found.profiles[0].schedulerName = DEFAULT_NAME
    _type_arguments(found)
    errors = validate(found)
    if errors:
        texts = list(dict.fromkeys(str(error) for error in errors))
        raise ConfigurationError(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
    return found


def _type_arguments(configuration: Configuration) -> None:
    """Arguments of known plugins become their types; those of others stay as they are."""
    for i, profile in enumerate(configuration.profiles):
        for j, item in enumerate(profile.pluginConfig):
            type_ = ARGS.get(item.name)
            if type_ is None:
                continue
            try:
                item.args = _typed(item.args if item.args is not None else {}, type_, [])
            except ConfigurationError as error:
                raise ConfigurationError(f"decoding .profiles[{i}].pluginConfig[{j}]: {error}") from None


def _typed(document: Any, type_: type[Any], repeated: list[str]) -> Any:
    errors = [*repeated, *strict_errors(msgspec.json.encode(document), type_)]
    try:
        found = codec.convert(document, type_)
    except StatusError as error:
        raise ConfigurationError(str(error)) from None
    if errors:
        raise ConfigurationError(field_errors(errors))
    return found
