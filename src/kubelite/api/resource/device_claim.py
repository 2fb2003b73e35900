"""What a claim asks for: requests, constraints between them, and configurations.

Flow: `set_defaults` and `validate`, called for claims and for templates of claims. Upstream: validateDeviceClaim,
pkg/apis/resource/v1/defaults.go.
"""

from __future__ import annotations

from kubelite.api import validation as check
from kubelite.api.resource import parts
from kubelite.api.types import resource_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names, quantity
from kubelite.machinery.fielderrors import FieldErrors, Path

MODES = ("All", "ExactCount")
Requested = v1.ExactDeviceRequest | v1.DeviceSubRequest
Names = dict[str, frozenset[str]]
_UNION = "exactly one of `exactly` or `firstAvailable` is required"
_REFERENCE = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"


def set_defaults(spec: v1.ResourceClaimSpec) -> None:
    """One device, unless all are asked for."""
    if spec.devices is None:
        return
    for request in spec.devices.requests:
        asked: list[Requested] = [*request.firstAvailable]
        if request.exactly is not None:
            asked.append(request.exactly)
        for one in asked:
            one.allocationMode = one.allocationMode or "ExactCount"
            if one.allocationMode == "ExactCount" and not one.count:
                one.count = 1
            parts.default_tolerations(one.tolerations)


def request_names(claim: v1.DeviceClaim) -> Names:
    """Request → its subrequests."""
    return {request.name: frozenset(one.name for one in request.firstAvailable) for request in claim.requests}


def validate(spec: v1.ResourceClaimSpec, path: Path) -> FieldErrors:
    """The mistakes in what is asked for."""
    path = path / "devices"
    claim = spec.devices or v1.DeviceClaim()
    known = request_names(claim)
    errors = parts.each(claim.requests, parts.MAX_LIST, _request, path / "requests", lambda one: one.name)

    def constraint(one: v1.DeviceConstraint, here: Path) -> FieldErrors:
        return _constraint(one, known, here)

    def config(one: v1.DeviceClaimConfiguration, here: Path) -> FieldErrors:
        return references(one.requests, known, here / "requests") + parts.configuration(one, here)

    errors += parts.each(claim.constraints, parts.MAX_LIST, constraint, path / "constraints")
    return errors + parts.each(claim.config, parts.MAX_LIST, config, path / "config")


def _request(request: v1.DeviceRequest, path: Path) -> FieldErrors:
    errors = parts.label(request.name, path / "name")
    if request.exactly is not None and request.firstAvailable:
        return [*errors, fe.invalid(path, None, f"{_UNION}, but multiple fields are set")]
    if request.exactly is not None:
        return errors + _devices(request.exactly, path / "exactly")
    if not request.firstAvailable:
        return [*errors, fe.required(path, _UNION)]
    here = path / "firstAvailable"
    return errors + parts.each(request.firstAvailable, parts.MAX_SUBREQUESTS, _subrequest, here, lambda one: one.name)


def _subrequest(request: v1.DeviceSubRequest, path: Path) -> FieldErrors:
    return parts.label(request.name, path / "name") + _devices(request, path)


def _devices(request: Requested, path: Path) -> FieldErrors:
    name, here = request.deviceClassName, path / "deviceClassName"
    errors = check.complaints(here, name, names.dns1123_subdomain(name)) if name else [fe.required(here)]
    errors += parts.selectors(request.selectors, path / "selectors")
    count = request.count or 0
    if request.allocationMode == "All":
        if count:
            detail = "must not be specified when allocationMode is 'All'"
            errors.append(fe.invalid(path / "count", count, detail))
    elif request.allocationMode == "ExactCount":
        if count <= 0:
            errors.append(fe.invalid(path / "count", count, check.NOT_POSITIVE))
    else:
        errors.append(fe.not_supported(path / "allocationMode", request.allocationMode, MODES))
    errors += _capacity(request.capacity, path / "capacity")
    return errors + parts.tolerations(request.tolerations, path / "tolerations")


def _capacity(capacity: v1.CapacityRequirements | None, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    for name, amount in capacity.requests.items() if capacity is not None else ():
        here = (path / "requests").key(name)
        errors += parts.qualified(name, here)
        try:
            quantity.parse(amount)
        except ValueError as problem:
            errors.append(fe.invalid(here, str(amount), str(problem)))
    return errors


def references(found: list[str], known: Names, path: Path) -> FieldErrors:
    """Requests by name, each once."""

    def one(name: str, here: Path) -> FieldErrors:
        return reference(name, known, here)

    return parts.each(found, parts.MAX_LIST, one, path, str)


def reference(name: str, known: Names, path: Path) -> FieldErrors:
    """A request, or a request and one of its subrequests."""
    segments = name.split("/")
    if len(segments) > 2:
        return [fe.invalid(path, name, _REFERENCE)]
    errors: FieldErrors = []
    for segment in segments:
        errors += parts.label(segment, path)
    subrequests = known.get(segments[0])
    if subrequests is None or (len(segments) == 2 and segments[1] not in subrequests):
        errors.append(fe.invalid(path, name, _REFERENCE))
    return errors


def _constraint(constraint: v1.DeviceConstraint, known: Names, path: Path) -> FieldErrors:
    errors = references(constraint.requests, known, path / "requests")
    if constraint.matchAttribute:
        return errors + parts.fully_qualified(constraint.matchAttribute, path / "matchAttribute")
    if constraint.distinctAttribute:
        return errors + parts.fully_qualified(constraint.distinctAttribute, path / "distinctAttribute")
    detail = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
    return [*errors, fe.required(path, detail)]
