"""ConfigMap: settings for pods, as text and as bytes. Rules follow ValidateConfigMap."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api.core import payload
from kubelite.api.types.core_v1 import ConfigMap
from kubelite.machinery import fielderrors
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Column, Kind


def set_defaults(config_map: ConfigMap) -> None:
    """Nothing to fill in; bytes that are not base64 are refused here, as decoding does upstream."""
    payload.check_base64("ConfigMap", config_map.binaryData)


def validate(config_map: ConfigMap) -> list[FieldError]:
    data, binary = Path("data"), Path("binaryData")
    errors = payload.validate_keys(config_map.data, data)
    for key in sorted(config_map.data):
        if key in config_map.binaryData:
            errors.append(fielderrors.invalid(data.key(key), key, "duplicate of key present in binaryData"))
    errors += payload.validate_keys(config_map.binaryData, binary)
    for key in sorted(config_map.binaryData):
        if key in config_map.data:
            errors.append(fielderrors.invalid(binary.key(key), key, "duplicate of key present in data"))
    size = sum(len(text.encode()) for text in config_map.data.values())
    size += payload.decoded_size(config_map.binaryData.values())
    if size > payload.SIZE_LIMIT:
        errors.append(fielderrors.too_long(Path("[]"), payload.SIZE_LIMIT))
    return errors


def validate_update(new: ConfigMap, old: ConfigMap) -> list[FieldError]:
    return payload.validate_immutable(new, old, ("data", "binaryData"))


def row(config_map: ConfigMap, now: datetime) -> list[Any]:
    return columns.cells(config_map.metadata.name, config_map, now, len(config_map.data) + len(config_map.binaryData))


CONFIG_MAP = Kind(
    group="",
    version="v1",
    kind="ConfigMap",
    plural="configmaps",
    type=ConfigMap,
    short_names=("cm",),
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    columns=(
        Column(name="Name", format="name", description="Name must be unique within a namespace."),
        Column(name="Data", description="The number of keys."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)
