"""The EncryptionConfiguration file: which resources are encrypted with which keys.

What: `load(text)` reads and checks it; `Configuration.providers_of(group, resource)` finds the providers of a resource, in
order: the first writes, all read. Why: pure, so that a table tests it; keys stay where they are used. Flow: file → `load` →
`store`. Source: apiserver/pkg/apis/apiserver/v1/types_encryption.go,
apiserver/pkg/apis/apiserver/validation/validation_encryption.go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec

API_VERSIONS = ("apiserver.config.k8s.io/v1",)
GCM_SIZES = (16, 24, 32)
SECRETBOX_SIZES = (32,)
KMS_SECONDS = "3s"


class ConfigurationError(ValueError):
    """A configuration that cannot be used, and why."""


class Key(msgspec.Struct, forbid_unknown_fields=True):
    """A named key, in base64."""

    name: str = ""
    secret: str = ""

    def raw(self) -> bytes:
        return base64.b64decode(self.secret)


class Keys(msgspec.Struct, forbid_unknown_fields=True):
    """The first key writes, all read."""

    keys: list[Key] = []


class Kms(msgspec.Struct, forbid_unknown_fields=True):
    """A plugin that listens on a unix socket."""

    apiVersion: str = "v1"
    name: str = ""
    endpoint: str = ""
    timeout: str = KMS_SECONDS
    cachesize: int | None = None


class Provider(msgspec.Struct, forbid_unknown_fields=True):
    """One of the fields is set."""

    aesgcm: Keys | None = None
    aescbc: Keys | None = None
    secretbox: Keys | None = None
    identity: dict[str, Any] | None = None
    kms: Kms | None = None


class Resources(msgspec.Struct, forbid_unknown_fields=True):
    """ "secrets", "deployments.apps", "*.apps", "*." (the core group) or "*.*"."""

    resources: list[str] = []
    providers: list[Provider] = []


class Configuration(msgspec.Struct, forbid_unknown_fields=True):
    """An EncryptionConfiguration object."""

    apiVersion: str = ""
    kind: str = ""
    resources: list[Resources] = []

    def providers_of(self, group: str, resource: str) -> Sequence[Provider]:
        """The providers of the first entry that names the resource; none if it is stored as it is."""
        full = f"{resource}.{group}" if group else resource
        for entry in self.resources:
            for wanted in entry.resources:
                if wanted in (full, "*.*") or wanted == f"*.{group}":
                    return entry.providers
        return ()


def load(text: str) -> Configuration:
    """The configuration in a YAML text. Raises `ConfigurationError`."""
    import yaml

    try:
        found = msgspec.convert(yaml.safe_load(text) or {}, Configuration)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"error decoding encryption provider configuration: {error}") from None
    if found.kind != "EncryptionConfiguration" or found.apiVersion not in API_VERSIONS:
        raise ConfigurationError(
            f"error decoding encryption provider configuration: {found.apiVersion} {found.kind} is no"
            f" EncryptionConfiguration of {API_VERSIONS[0]}"
        )
    if not found.resources:
        raise ConfigurationError("resources: Required value: at least one resource configuration is required")
    names: set[str] = set()
    for number, entry in enumerate(found.resources):
        path = f"resources[{number}]"
        if not entry.resources:
            raise ConfigurationError(f"{path}.resources: Required value: at least one resource is required")
        if not entry.providers:
            raise ConfigurationError(f"{path}.providers: Required value: at least one provider is required")
        for resource in entry.resources:
            _check_resource(f"{path}.resources", resource)
        for place, provider in enumerate(entry.providers):
            _check_provider(f"{path}.providers[{place}]", provider, names)
    return found


def _check_resource(path: str, name: str) -> None:
    if not name or name == "*" or name != name.lower() or ("*" in name and not name.startswith("*.")):
        raise ConfigurationError(
            f'{path}: Invalid value: "{name}": resource name should be lowercase, "*.<group>" or "*.*"'
        )
    if name in ("events", "events.events.k8s.io", "*.events.k8s.io"):
        return
    if name.endswith((".extensions", "apiserverips")):
        raise ConfigurationError(f'{path}: Invalid value: "{name}": cannot be encrypted')


def _check_provider(path: str, provider: Provider, names: set[str]) -> None:
    given = [name for name in provider.__struct_fields__ if getattr(provider, name) is not None]
    if len(given) != 1:
        raise ConfigurationError(
            f"{path}: Invalid value: exactly one provider is required, given are {given or 'none'}"
        )
    if provider.kms is not None:
        _check_kms(f"{path}.kms", provider.kms, names)
    for name, sizes in (("aesgcm", GCM_SIZES), ("aescbc", GCM_SIZES), ("secretbox", SECRETBOX_SIZES)):
        keys = getattr(provider, name)
        if keys is not None:
            _check_keys(f"{path}.{name}.keys", keys.keys, sizes)


def _check_keys(path: str, keys: Sequence[Key], sizes: Sequence[int]) -> None:
    if not keys:
        raise ConfigurationError(f"{path}: Required value: at least one key is required")
    for number, key in enumerate(keys):
        if not key.name or ":" in key.name:
            raise ConfigurationError(f"{path}[{number}].name: Required value: a name without a colon is required")
        if sum(other.name == key.name for other in keys) > 1:
            raise ConfigurationError(f'{path}[{number}].name: Duplicate value: "{key.name}"')
        try:
            raw = base64.b64decode(key.secret, validate=True)
        except binascii.Error:
            raise ConfigurationError(
                f"{path}[{number}].secret: Invalid value: secrets must be base64 encoded"
            ) from None
        if len(raw) not in sizes:
            known = ", ".join(map(str, sizes))
            raise ConfigurationError(
                f"{path}[{number}].secret: Invalid value: expected key length in ({known}), but got: {len(raw)}"
            )


def _check_kms(path: str, kms: Kms, names: set[str]) -> None:
    if kms.apiVersion != "v2":
        raise ConfigurationError(f'{path}.apiVersion: Unsupported value: "{kms.apiVersion}": supported values: "v2"')
    if not kms.name or ":" in kms.name:
        raise ConfigurationError(f"{path}.name: Required value: a name without a colon is required")
    if kms.name in names:
        raise ConfigurationError(f'{path}.name: Duplicate value: "{kms.name}"')
    names.add(kms.name)
    if not kms.endpoint.startswith("unix://"):
        raise ConfigurationError(f'{path}.endpoint: Invalid value: "{kms.endpoint}": scheme must be unix')
    if kms.cachesize is not None:
        raise ConfigurationError(f"{path}.cachesize: Invalid value: cachesize is not supported in v2")
