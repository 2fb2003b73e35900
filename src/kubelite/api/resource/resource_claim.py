"""ResourceClaim: somebody needs devices, and which ones were given.

Upstream: pkg/apis/resource/validation, pkg/registry/resource/resourceclaim, pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.core.pod.validation.scheduling import validate_node_selector
from kubelite.api.core.volumes.sources import driver_name
from kubelite.api.resource import device_claim, parts
from kubelite.api.types import resource_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, Subresource

MAX_CONSUMERS = 256
CONFIG_SOURCES = ("FromClaim", "FromClass")
Identity = tuple[str, str, str, str]


def set_defaults(claim: v1.ResourceClaim) -> None:
    """One device a request, unless all are asked for."""
    device_claim.set_defaults(claim.spec)


def prepare_create(claim: v1.ResourceClaim) -> None:
    """A new claim has nothing yet."""
    claim.status = v1.ResourceClaimStatus()


def validate(claim: v1.ResourceClaim) -> FieldErrors:
    """The spec is all there is."""
    return device_claim.validate(claim.spec, parts.SPEC)


def validate_update(new: v1.ResourceClaim, old: v1.ResourceClaim) -> FieldErrors:
    """What was asked for stays."""
    return check.immutable(parts.SPEC, new.spec, old.spec)


def validate_status_update(new: v1.ResourceClaim, old: v1.ResourceClaim) -> FieldErrors:
    """Devices are given once; only who has them changes, and only while they are given."""
    now, before, path = new.status, old.status, parts.STATUS
    errors = parts.each(now.reservedFor, MAX_CONSUMERS, _consumer, path / "reservedFor", lambda one: one.uid, "uid")
    errors += _validate_devices(now, path)
    if now.reservedFor and now.allocation is None:
        detail = "may not be specified when `allocated` is not set"
        errors.append(fe.forbidden(path / "reservedFor", detail))
    elif new.metadata.deletionTimestamp is not None and any(one not in before.reservedFor for one in now.reservedFor):
        detail = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
        errors.append(fe.forbidden(path / "reservedFor", detail))
    if now.allocation is None:
        return errors
    if before.allocation is not None:
        return errors + check.immutable(path / "allocation", now.allocation, before.allocation)
    known = device_claim.request_names(new.spec.devices or v1.DeviceClaim())
    return errors + _validate_allocation(now.allocation, known, path / "allocation")


def _consumer(consumer: v1.ResourceClaimConsumerReference, path: Path) -> FieldErrors:
    return [fe.required(path / name) for name in ("resource", "name", "uid") if not getattr(consumer, name)]


def _identity(device: v1.AllocatedDeviceStatus | v1.DeviceRequestAllocationResult) -> Identity:
    return device.driver, device.pool, device.device, device.shareID


def _validate_devices(status: v1.ResourceClaimStatus, path: Path) -> FieldErrors:
    devices = status.allocation.devices if status.allocation is not None else None
    given = {_identity(result) for result in devices.results} if devices is not None else set()

    def one(device: v1.AllocatedDeviceStatus, here: Path) -> FieldErrors:
        errors = driver_name(device.driver, here / "driver") + parts.pool_name(device.pool, here / "pool")
        errors += parts.label(device.device, here / "device")
        if _identity(device) not in given:
            shown = "/".join(_identity(device)).rstrip("/")
            errors.append(fe.invalid(here, shown, "must be an allocated device in the claim"))
        return errors

    return parts.each(status.devices, len(status.devices), one, path / "devices", _identity)


def _validate_allocation(allocation: v1.AllocationResult, known: device_claim.Names, path: Path) -> FieldErrors:
    devices = allocation.devices or v1.DeviceAllocationResult()

    def result(one: v1.DeviceRequestAllocationResult, here: Path) -> FieldErrors:
        errors = device_claim.reference(one.request, known, here / "request")
        errors += driver_name(one.driver, here / "driver") + parts.pool_name(one.pool, here / "pool")
        errors += parts.label(one.device, here / "device") + parts.binding_conditions(one, here)
        return errors + parts.tolerations(one.tolerations, here / "tolerations")

    def config(one: v1.DeviceAllocationConfiguration, here: Path) -> FieldErrors:
        errors = check.one_of(here / "source", one.source, CONFIG_SOURCES)
        errors += device_claim.references(one.requests, known, here / "requests")
        return errors + parts.configuration(one, here)

    errors = parts.each(devices.results, parts.MAX_LIST, result, path / "devices" / "results")
    errors += parts.each(devices.config, 2 * parts.MAX_LIST, config, path / "devices" / "config")
    if allocation.nodeSelector is not None:
        errors += validate_node_selector(allocation.nodeSelector, path / "nodeSelector")
    return errors


def row(claim: v1.ResourceClaim, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    return columns.cells(claim.metadata.name, claim, now, _state(claim))


def _state(claim: v1.ResourceClaim) -> str:
    deleted = claim.metadata.deletionTimestamp is not None
    states = ["deleted"] if deleted else []
    if claim.status.allocation is not None:
        states.append("allocated")
        if claim.status.reservedFor:
            states.append("reserved")
    elif not deleted:
        states.append("pending")
    return ",".join(states)


RESOURCE_CLAIM = Kind(
    group=parts.GROUP,
    version="v1",
    kind="ResourceClaim",
    plural="resourceclaims",
    type=v1.ResourceClaim,
    subresources=(Subresource(name="status", verbs=STATUS_VERBS),),
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    prepare_create=prepare_create,
    columns=(
        Column(name="Name", format="name", description="Name of the claim, unique within its namespace."),
        Column(name="State", description="Whether devices were given, and to somebody."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)
