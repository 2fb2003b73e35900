"""StorageVersion: in which version each API server writes the objects of a resource, and which versions it can read.

Upstream: pkg/apis/apiserverinternal/validation, pkg/registry/apiserverinternal, pkg/printers (printStorageVersion).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns, pod_template
from kubelite.api.logic.storageversions import common
from kubelite.api.types.apiserverinternal_v1alpha1 import (
    ServerStorageVersion,
    StorageVersion,
    StorageVersionCondition,
    StorageVersionStatus,
)
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

STATUS = Path("status")
SHOWN = 3
"""How many servers the table names."""
_UNWANTED = (
    "should be nil if servers do not agree on the same encoding version, or if there is no server reporting the "
    "supported versions yet"
)
_TOO_MANY_PARTS = (
    "an apiVersion is a DNS-1035 label, which must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
    "validation is '[a-z]([-a-z0-9]*[a-z0-9])?') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyVersion')"
)


def check_name(name: str, is_prefix: bool) -> list[str]:
    """`GROUP.RESOURCE`."""
    group, dot, resource = name.rpartition(".")
    if not dot:
        return ["name must be in the form of <group>.<resource>"]
    return [
        *(f"the group segment {text}" for text in names.dns1123_subdomain(group)),
        *(f"the resource segment {text}" for text in names.dns1035_label(resource)),
    ]


def prepare_create(one: StorageVersion) -> None:
    """Who creates the object has not reported yet."""
    one.status = StorageVersionStatus()


def validate_status(new: StorageVersion, old: StorageVersion) -> FieldErrors:
    """Each server's versions, what they have in common, and the conditions."""
    status = new.status
    errors: FieldErrors = []
    for index, reported in enumerate(status.storageVersions):
        errors += _validate_server(reported, (STATUS / "storageVersions").index(index))
    return errors + _validate_common(status) + _validate_conditions(status.conditions)


def _validate_server(one: ServerStorageVersion, path: Path) -> FieldErrors:
    errors: FieldErrors = [
        fe.invalid(path / "apiServerID", one.apiServerID, text) for text in names.dns1123_subdomain(one.apiServerID)
    ]
    errors += _validate_version(one.encodingVersion, path / "encodingVersion")
    decodable = path / "decodableVersions"
    for index, version in enumerate(one.decodableVersions):
        errors += _validate_version(version, decodable.index(index))
    if one.encodingVersion not in one.decodableVersions:
        detail = f"decodableVersions must include encodingVersion {one.encodingVersion}"
        errors.append(fe.invalid(decodable, one.decodableVersions, detail))
    for index, version in enumerate(one.servedVersions):
        here = (path / "servedVersions").index(index)
        errors += _validate_version(version, here)
        if version not in one.decodableVersions:
            known = " ".join(one.decodableVersions)
            detail = f"individual served version : {version} must be included in decodableVersions : [{known}]"
            errors.append(fe.invalid(here, version, detail))
    return errors


def _validate_version(text: str, path: Path) -> FieldErrors:
    parts = text.split("/")
    if len(parts) > 2:
        return [fe.invalid(path, text, _TOO_MANY_PARTS)]
    wrong: list[str] = []
    if len(parts) == 2:
        wrong += [f"group part: {why}" for why in (names.dns1123_subdomain(parts[0]) if parts[0] else [names.EMPTY])]
    wrong += [f"version part: {why}" for why in (names.dns1035_label(parts[-1]) if parts[-1] else [names.EMPTY])]
    return [fe.invalid(path, text, ",".join(wrong))] if wrong else []


def _validate_common(status: StorageVersionStatus) -> FieldErrors:
    path = STATUS / "commonEncodingVersion"
    actual, said = common(status.storageVersions), status.commonEncodingVersion
    if actual == said:
        return []
    if not actual:
        return [fe.invalid(path, said, _UNWANTED)]
    if not said:
        return [fe.invalid(path, None, f"the common encoding version is {actual}")]
    return [fe.invalid(path, said, f"the actual common encoding version is {actual}")]


def _validate_conditions(conditions: list[StorageVersionCondition]) -> FieldErrors:
    """Upstream's paths leave out the name of the list."""
    errors: FieldErrors = []
    seen: dict[str, int] = {}
    for index, one in enumerate(conditions):
        path = STATUS.index(index)
        if one.type in seen:
            detail = f"the type of the condition is not unique, it also appears in conditions[{seen[one.type]}]"
            errors.append(fe.invalid(path / "type", one.type, detail))
        seen[one.type] = index
        errors += [fe.invalid(path / "type", one.type, text) for text in names.qualified_name(one.type)]
        errors += [fe.invalid(path / "status", one.type, text) for text in names.qualified_name(one.status)]
        if not one.reason:
            errors.append(fe.required(path / "reason", "reason cannot be empty"))
        if not one.message:
            errors.append(fe.required(path / "message", "message cannot be empty"))
    return errors


def row(one: StorageVersion, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    servers = [f"{each.apiServerID}={each.encodingVersion}" for each in one.status.storageVersions]
    text = columns.joined(servers[:SHOWN])
    if len(servers) > SHOWN:
        text += f" + {len(servers) - SHOWN} more..."
    return columns.cells(one.metadata.name, one, now, one.status.commonEncodingVersion or "<unset>", text)


STORAGE_VERSION = Kind(
    group="internal.apiserver.k8s.io",
    version="v1alpha1",
    kind="StorageVersion",
    plural="storageversions",
    type=StorageVersion,
    namespaced=False,
    subresources=(pod_template.STATUS,),
    unconditional_update=False,
    check_name=check_name,
    prepare_create=prepare_create,
    validate_status_update=validate_status,
    columns=(
        Column(name="Name", format="name", description="Group and plural of the resource."),
        Column(name="CommonEncodingVersion", description="The version that all API servers write."),
        Column(name="StorageVersions", description="The version that each API server writes."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)
