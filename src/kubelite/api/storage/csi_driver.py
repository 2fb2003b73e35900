"""CSIDriver: what the cluster should know of a storage driver.

Upstream: pkg/apis/storage/validation (ValidateCSIDriver), pkg/registry/storage/csidriver, v1/defaults.go. The path
`attachedRequired` is misspelt there, and so here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.core.volumes.sources import driver_name
from kubelite.api.storage.parameters import GROUP
from kubelite.api.types.storage_v1 import CSIDriver, TokenRequest
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

SPEC = Path("spec")
GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
LIFECYCLES = ("Persistent", "Ephemeral")
MIN_TOKEN, MAX_TOKEN = 600, 1 << 32
MIN_UPDATE_PERIOD = 10


def set_defaults(driver: CSIDriver) -> None:
    """Attached, persistent, told nothing of pods."""
    spec = driver.spec
    if spec.attachRequired is None:
        spec.attachRequired = True
    spec.podInfoOnMount = bool(spec.podInfoOnMount)
    spec.storageCapacity = bool(spec.storageCapacity)
    spec.requiresRepublish = bool(spec.requiresRepublish)
    spec.seLinuxMount = bool(spec.seLinuxMount)
    spec.fsGroupPolicy = spec.fsGroupPolicy or "ReadWriteOnceWithFSType"
    spec.volumeLifecycleModes = spec.volumeLifecycleModes or ["Persistent"]


def prepare_update(new: CSIDriver, old: CSIDriver) -> None:
    """The generation counts changes of the spec; it is not set on creation."""
    if new.spec != old.spec:
        new.metadata.generation = (old.metadata.generation or 0) + 1


def validate(driver: CSIDriver) -> FieldErrors:
    """The name of a driver, policies, tokens."""
    spec = driver.spec
    errors = driver_name(driver.metadata.name, Path("metadata") / "name") if driver.metadata.name else []
    errors += check.one_of(SPEC / "fsGroupPolicy", spec.fsGroupPolicy, GROUP_POLICIES)
    errors += _validate_tokens(spec.tokenRequests, SPEC / "tokenRequests")
    for mode in spec.volumeLifecycleModes:
        if mode not in LIFECYCLES:
            errors.append(fe.not_supported(SPEC / "volumeLifecycleModes", mode, LIFECYCLES, as_listed=True))
    period = spec.nodeAllocatableUpdatePeriodSeconds
    if period is not None and period < MIN_UPDATE_PERIOD:
        detail = f"must be greater than or equal to {MIN_UPDATE_PERIOD} seconds"
        errors.append(fe.invalid(SPEC / "nodeAllocatableUpdatePeriodSeconds", period, detail))
    if spec.serviceAccountTokenInSecrets is not None and not spec.tokenRequests:
        detail = "must not be set when spec.tokenRequests is empty"
        errors.append(fe.forbidden(SPEC / "serviceAccountTokenInSecrets", detail))
    return errors


def _validate_tokens(requests: Sequence[TokenRequest], path: Path) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, request in enumerate(requests):
        here = path.index(index)
        if request.audience in seen:
            errors.append(fe.duplicate(here / "audience", request.audience))
        seen.add(request.audience)
        seconds = request.expirationSeconds
        if seconds is None:
            continue
        if seconds < MIN_TOKEN:
            detail = "may not specify a duration less than 10 minutes"
            errors.append(fe.invalid(here / "expirationSeconds", seconds, detail))
        if seconds > MAX_TOKEN:
            detail = "may not specify a duration larger than 2^32 seconds"
            errors.append(fe.invalid(here / "expirationSeconds", seconds, detail))
    return errors


def validate_update(new: CSIDriver, old: CSIDriver) -> FieldErrors:
    """What volumes were attached by stays."""
    errors = check.immutable(SPEC / "attachedRequired", new.spec.attachRequired, old.spec.attachRequired)
    now, before = new.spec.volumeLifecycleModes, old.spec.volumeLifecycleModes
    return errors + check.immutable(SPEC / "volumeLifecycleModes", now, before)


def row(driver: CSIDriver, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    spec = driver.spec
    return columns.cells(
        driver.metadata.name,
        driver,
        now,
        spec.attachRequired is not False,
        bool(spec.podInfoOnMount),
        bool(spec.storageCapacity),
        ",".join(one.audience for one in spec.tokenRequests) if spec.tokenRequests else "<unset>",
        bool(spec.requiresRepublish),
        columns.joined(spec.volumeLifecycleModes),
    )


CSI_DRIVER = Kind(
    group=GROUP,
    version="v1",
    kind="CSIDriver",
    plural="csidrivers",
    type=CSIDriver,
    namespaced=False,
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    prepare_update=prepare_update,
    unconditional_update=False,
    columns=(
        Column(name="Name", format="name", description="Name of the driver."),
        Column(
            name="AttachRequired", type="boolean", description="Whether volumes are attached before they are mounted."
        ),
        Column(name="PodInfoOnMount", type="boolean", description="Whether it is told which pod mounts."),
        Column(name="StorageCapacity", type="boolean", description="Whether it says how much room it has."),
        Column(name="TokenRequests", description="Whom its tokens are for."),
        Column(name="RequiresRepublish", type="boolean", description="Whether it is called again and again."),
        Column(name="Modes", description="Which volumes it has."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)
