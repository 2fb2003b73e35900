"""Secret: data that only those who need it should read. Rules follow ValidateSecret and pkg/registry/core/secret."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import msgspec

from kubelite.api import columns
from kubelite.api.core import payload
from kubelite.api.types.core_v1 import Secret
from kubelite.machinery import fielderrors
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Column, Kind

OPAQUE = "Opaque"
SERVICE_ACCOUNT_TOKEN = "kubernetes.io/service-account-token"
SERVICE_ACCOUNT_NAME = "kubernetes.io/service-account.name"
DOCKER_CONFIGS = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}
BASIC_AUTH = "kubernetes.io/basic-auth"
REQUIRED_KEYS = {
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
DATA = Path("data")


def set_defaults(secret: Secret) -> None:
    """Opaque unless typed; the write-only `stringData` moves into `data`."""
    payload.check_base64("Secret", secret.data)
    for key, text in secret.stringData.items():
        secret.data[key] = base64.b64encode(text.encode()).decode()
    secret.stringData = {}
    if not secret.type:
        secret.type = OPAQUE


def validate(secret: Secret) -> list[FieldError]:
    errors = payload.validate_keys(secret.data, DATA)
    if payload.decoded_size(secret.data.values()) > payload.SIZE_LIMIT:
        errors.append(fielderrors.too_long(DATA, payload.SIZE_LIMIT))
    return errors + _validate_type(secret)


def _validate_type(secret: Secret) -> list[FieldError]:
    if secret.type == SERVICE_ACCOUNT_TOKEN:
        if not secret.metadata.annotations.get(SERVICE_ACCOUNT_NAME):
            return [fielderrors.required((Path("metadata") / "annotations").key(SERVICE_ACCOUNT_NAME))]
    elif secret.type in DOCKER_CONFIGS:
        return _validate_docker_config(secret, DOCKER_CONFIGS[secret.type])
    elif secret.type == BASIC_AUTH and not secret.data.keys() & {"username", "password"}:
        return [fielderrors.required(DATA.key("username")), fielderrors.required(DATA.key("password"))]
    return [fielderrors.required(DATA.key(key)) for key in REQUIRED_KEYS.get(secret.type, ()) if key not in secret.data]


def _validate_docker_config(secret: Secret, key: str) -> list[FieldError]:
    path = DATA.key(key)
    if key not in secret.data:
        return [fielderrors.required(path)]
    try:
        msgspec.json.decode(base64.b64decode(secret.data[key]), type=dict[str, Any])
    except (ValueError, RecursionError):
        return [fielderrors.invalid(path, "<secret contents redacted>", "invalid character: not a JSON object")]
    return []


def validate_update(new: Secret, old: Secret) -> list[FieldError]:
    errors = list(fielderrors.immutable(Path("type"), new.type, old.type))
    return errors + payload.validate_immutable(new, old, ("data",))


def row(secret: Secret, now: datetime) -> list[Any]:
    return columns.cells(secret.metadata.name, secret, now, secret.type, len(secret.data))


SECRET = Kind(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    type=Secret,
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    columns=(
        Column(name="Name", format="name", description="Name must be unique within a namespace."),
        Column(name="Type", description="What the data is for."),
        Column(name="Data", description="The number of keys."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
    selectable={"type": lambda secret: str(secret.type)},
)
