"""VolumeAttachment: a volume is to be attached to a node.

Upstream: pkg/apis/storage/validation (ValidateVolumeAttachment), pkg/registry/storage/volumeattachment.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.core.volumes.persistent_volume_spec import set_source_defaults, validate_spec
from kubelite.api.core.volumes.sources import driver_name, gone_warnings
from kubelite.api.storage.parameters import GROUP
from kubelite.api.types.storage_v1 import VolumeAttachment, VolumeAttachmentSource, VolumeAttachmentStatus, VolumeError
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, Subresource

SPEC, STATUS = Path("spec"), Path("status")
MAX_METADATA = 256 * 1024
MAX_MESSAGE = 4096
_ONE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


def set_defaults(attachment: VolumeAttachment) -> None:
    """An inline volume has the defaults of volumes."""
    source = attachment.spec.source
    if source is not None and source.inlineVolumeSpec is not None:
        set_source_defaults(source.inlineVolumeSpec)


def prepare_create(attachment: VolumeAttachment) -> None:
    """A new attachment is not done."""
    attachment.status = VolumeAttachmentStatus(attached=False)


def validate(attachment: VolumeAttachment) -> FieldErrors:
    """A driver, a node, one volume; a status of bearable size."""
    spec = attachment.spec
    errors = driver_name(spec.attacher, SPEC / "attacher")
    errors += _validate_source(spec.source or VolumeAttachmentSource(), SPEC / "source")
    errors += check.complaints(SPEC / "nodeName", spec.nodeName, names.dns1123_subdomain(spec.nodeName))
    return errors + _validate_status(attachment.status)


def _validate_source(source: VolumeAttachmentSource, path: Path) -> FieldErrors:
    if source.inlineVolumeSpec is None:
        return [] if source.persistentVolumeName else [fe.required(path, _ONE)]
    if source.persistentVolumeName:
        return [fe.forbidden(path, _ONE)]
    return validate_spec(source.inlineVolumeSpec, path / "inlineVolumeSpec", inline=True)


def _validate_status(status: VolumeAttachmentStatus) -> FieldErrors:
    errors: FieldErrors = []
    size = sum(len(key.encode()) + len(value.encode()) for key, value in status.attachmentMetadata.items())
    if size > MAX_METADATA:
        errors.append(fe.too_long(STATUS / "attachmentMetadata", MAX_METADATA))
    for name in ("attachError", "detachError"):
        error: VolumeError | None = getattr(status, name)
        if error is not None and len(error.message.encode()) > MAX_MESSAGE:
            errors.append(fe.too_long(STATUS / name / "message", MAX_MESSAGE))
    return errors


def validate_update(new: VolumeAttachment, old: VolumeAttachment) -> FieldErrors:
    """An attachment is made and removed, never moved."""
    return check.immutable(SPEC, new.spec, old.spec)


def validate_status_update(new: VolumeAttachment, old: VolumeAttachment) -> FieldErrors:
    """A status of bearable size."""
    return _validate_status(new.status)


def warnings(new: VolumeAttachment, old: VolumeAttachment | None) -> list[str]:
    """About sources of old."""
    source = new.spec.source
    inline = source.inlineVolumeSpec if source is not None else None
    return gone_warnings(inline, "spec.source.inlineVolumeSpec") if inline is not None else []


def row(attachment: VolumeAttachment, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    spec = attachment.spec
    volume = spec.source.persistentVolumeName if spec.source is not None else ""
    attached = bool(attachment.status.attached)
    return columns.cells(attachment.metadata.name, attachment, now, spec.attacher, volume, spec.nodeName, attached)


VOLUME_ATTACHMENT = Kind(
    group=GROUP,
    version="v1",
    kind="VolumeAttachment",
    plural="volumeattachments",
    type=VolumeAttachment,
    namespaced=False,
    subresources=(Subresource(name="status", verbs=STATUS_VERBS),),
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    warnings=warnings,
    prepare_create=prepare_create,
    unconditional_update=False,
    columns=(
        Column(name="Name", format="name", description="Name of the attachment."),
        Column(name="Attacher", description="The driver that attaches."),
        Column(name="PV", description="The volume."),
        Column(name="Node", description="The node."),
        Column(name="Attached", type="boolean", description="Whether it is done."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)
