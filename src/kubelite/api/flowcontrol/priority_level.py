"""PriorityLevelConfiguration: how many requests of a level run at a time, and what happens to the others.

Upstream: pkg/apis/flowcontrol/validation, pkg/registry/flowcontrol/prioritylevelconfiguration, v1/defaults.go.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api.flowcontrol import mandatory
from kubelite.api.flowcontrol.flow_schema import GROUP, SPEC, STATUS, validate_conditions
from kubelite.api.types import flowcontrol_v1 as v1
from kubelite.machinery import codec
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, Subresource

DEFAULT_SHARES = 30
MAX_QUEUES = 10_000_000
MAX_HASH_BITS = 60
TYPES = ("Exempt", "Limited")
RESPONSES = ("Queue", "Reject")


def set_defaults(level: v1.PriorityLevelConfiguration) -> None:
    """Thirty shares, nothing lent; 64 queues of 50, hands of 8."""
    exempt, limited = level.spec.exempt, level.spec.limited
    if exempt is not None:
        exempt.nominalConcurrencyShares = exempt.nominalConcurrencyShares or 0
        exempt.lendablePercent = exempt.lendablePercent or 0
    if limited is None:
        return
    if limited.nominalConcurrencyShares is None:
        limited.nominalConcurrencyShares = DEFAULT_SHARES
    limited.lendablePercent = limited.lendablePercent or 0
    queuing = limited.limitResponse.queuing if limited.limitResponse is not None else None
    if queuing is not None:
        queuing.handSize = queuing.handSize or 8
        queuing.queues = queuing.queues or 64
        queuing.queueLengthLimit = queuing.queueLengthLimit or 50


def prepare_create(level: v1.PriorityLevelConfiguration) -> None:
    """The status is the server's."""
    level.status = v1.PriorityLevelConfigurationStatus()


def validate(level: v1.PriorityLevelConfiguration) -> FieldErrors:
    """The member that the type names; the mandatory levels are as they are, but for what `exempt` lends."""
    spec, name = level.spec, level.metadata.name
    errors: FieldErrors = []
    if (name == mandatory.EXEMPT) != (spec.type == "Exempt"):
        detail = "type must be 'Exempt' if and only if name is 'exempt'"
        errors.append(fe.invalid(SPEC / "type", spec.type, detail))
    if spec.type == "Exempt":
        if spec.limited is not None:
            errors.append(fe.forbidden(SPEC / "limited", "must be nil if the type is not Limited"))
        errors += _validate_shares(spec.exempt, SPEC / "exempt")
    elif spec.type == "Limited":
        if spec.exempt is not None:
            errors.append(fe.forbidden(SPEC / "exempt", "must be nil if the type is Limited"))
        if spec.limited is None:
            errors.append(fe.required(SPEC / "limited", "must not be empty when type is Limited"))
        else:
            errors += _validate_limited(spec.limited, SPEC / "limited")
    else:
        errors.append(fe.not_supported(SPEC / "type", spec.type, TYPES))
    errors += _validate_mandatory(spec, name)
    return errors + validate_conditions(level.status.conditions, STATUS / "conditions")


def _validate_mandatory(spec: v1.PriorityLevelConfigurationSpec, name: str) -> FieldErrors:
    fixed = mandatory.priority_levels().get(name)
    if fixed is None or spec == fixed:
        return []
    if fixed.type != "Exempt":
        return [fe.invalid(SPEC, spec, f"spec of '{name}' must equal the fixed value")]
    found = codec.clone(spec)
    found.exempt = fixed.exempt
    if found == fixed:
        return []
    return [fe.invalid(SPEC, spec, f"spec of '{name}' except the 'spec.exempt' field must equal the fixed value")]


def _validate_shares(
    level: v1.ExemptPriorityLevelConfiguration | v1.LimitedPriorityLevelConfiguration | None, path: Path
) -> FieldErrors:
    if level is None:
        return []
    errors: FieldErrors = []
    shares, lent = level.nominalConcurrencyShares or 0, level.lendablePercent or 0
    if shares < 0:
        errors.append(fe.invalid(path / "nominalConcurrencyShares", shares, "must be a non-negative integer"))
    if not 0 <= lent <= 100:
        errors.append(fe.invalid(path / "lendablePercent", lent, "must be between 0 and 100, inclusive"))
    return errors


def _validate_limited(level: v1.LimitedPriorityLevelConfiguration, path: Path) -> FieldErrors:
    errors = _validate_shares(level, path)
    errors += _validate_response(level.limitResponse or v1.LimitResponse(), path / "limitResponse")
    borrowed = level.borrowingLimitPercent
    if borrowed is not None and borrowed < 0:
        detail = "if specified, must be a non-negative integer"
        errors.append(fe.invalid(path / "borrowingLimitPercent", borrowed, detail))
    return errors


def _validate_response(response: v1.LimitResponse, path: Path) -> FieldErrors:
    here = path / "queuing"
    if response.type == "Reject":
        detail = "must be nil if limited.limitResponse.type is not Limited"
        return [fe.forbidden(here, detail)] if response.queuing is not None else []
    if response.type != "Queue":
        return [fe.not_supported(path / "type", response.type, RESPONSES)]
    if response.queuing is None:
        return [fe.required(here, "must not be empty if limited.limitResponse.type is Limited")]
    return _validate_queuing(response.queuing, here)


def _validate_queuing(queuing: v1.QueuingConfiguration, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    queues, hand = queuing.queues or 0, queuing.handSize or 0
    if (queuing.queueLengthLimit or 0) <= 0:
        errors.append(fe.invalid(path / "queueLengthLimit", queuing.queueLengthLimit or 0, "must be positive"))
    if queues <= 0:
        errors.append(fe.invalid(path / "queues", queues, "must be positive"))
    elif queues > MAX_QUEUES:
        errors.append(fe.invalid(path / "queues", queues, f"must not be greater than {MAX_QUEUES}"))
    if hand <= 0:
        errors.append(fe.invalid(path / "handSize", hand, "must be positive"))
    elif hand > queues:
        errors.append(fe.invalid(path / "handSize", hand, f"should not be greater than queues ({queues})"))
    elif math.ceil(math.log2(queues) * hand) > MAX_HASH_BITS:
        detail = f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than "
        errors.append(fe.invalid(path / "handSize", hand, f"{detail}{MAX_HASH_BITS}"))
    return errors


def validate_status_update(new: v1.PriorityLevelConfiguration, old: v1.PriorityLevelConfiguration) -> FieldErrors:
    """Only the conditions can be wrong."""
    return validate_conditions(new.status.conditions, STATUS / "conditions")


def row(level: v1.PriorityLevelConfiguration, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    spec = level.spec
    shares: Any = columns.NONE
    numbers: list[Any] = [columns.NONE] * 3
    if spec.limited is not None:
        shares = spec.limited.nominalConcurrencyShares or 0
        queuing = spec.limited.limitResponse.queuing if spec.limited.limitResponse is not None else None
        if queuing is not None:
            numbers = [queuing.queues or 0, queuing.handSize or 0, queuing.queueLengthLimit or 0]
    elif spec.exempt is not None:
        shares = spec.exempt.nominalConcurrencyShares or 0
    return columns.cells(level.metadata.name, level, now, spec.type, shares, *numbers)


PRIORITY_LEVEL_CONFIGURATION = Kind(
    group=GROUP,
    version="v1",
    kind="PriorityLevelConfiguration",
    plural="prioritylevelconfigurations",
    type=v1.PriorityLevelConfiguration,
    namespaced=False,
    subresources=(Subresource(name="status", verbs=STATUS_VERBS),),
    set_defaults=set_defaults,
    validate=validate,
    validate_status_update=validate_status_update,
    prepare_create=prepare_create,
    has_generation=True,
    columns=(
        Column(name="Name", format="name", description="Name of the level."),
        Column(name="Type", description="Exempt or Limited."),
        Column(name="NominalConcurrencyShares", description="Its share of the server's seats."),
        Column(name="Queues", description="How many queues it has."),
        Column(name="HandSize", description="How many queues a flow may use."),
        Column(name="QueueLengthLimit", description="How many requests may wait in a queue."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)
