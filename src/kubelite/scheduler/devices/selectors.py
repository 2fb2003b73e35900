"""What selectors say of devices: expressions over `device.driver`, `device.attributes`, `device.capacity`.

What: `matches(expression, offer)`. Why: each expression is compiled once, and its verdict on a device is kept with the device.
Rules: attributes and capacities are grouped by domain; those without one are in the driver's; a domain that a device does not
know is empty. Upstream: dynamic-resource-allocation/cel/compile.go.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from kubelite.api.types import resource_v1 as v1
from kubelite.machinery.cel import libraries, types
from kubelite.machinery.cel.environment import Environment, Program
from kubelite.machinery.cel.errors import CompileError, CostExceeded, EvaluationError
from kubelite.machinery.cel.functions_quantity import Quantity, Semver
from kubelite.scheduler.devices.inventory import AllocationFailed, Offer

COMPILED = 256


class Domains(dict[str, dict[str, Any]]):
    """Values by domain and name; an unknown domain is empty."""

    def __missing__(self, domain: str) -> dict[str, Any]:
        return {}


def _environment() -> Environment:
    attributes = types.map_of(types.STRING, types.map_of(types.STRING, types.DYN))
    amounts = types.map_of(types.STRING, types.map_of(types.STRING, types.opaque(Quantity.type_name)))
    fields = {
        "driver": types.STRING,
        "attributes": attributes,
        "capacity": amounts,
        "allowMultipleAllocations": types.BOOL,
    }
    device = types.ObjectType("kubernetes.DRADevice", {name: types.Field(type, name) for name, type in fields.items()})
    return Environment({"device": device}, libraries.DEVICES)


@lru_cache(maxsize=COMPILED)
def compiled(expression: str) -> Program:
    """The program. Raises AllocationFailed."""
    try:
        program = _environment().compile(expression)
    except CompileError as error:
        raise AllocationFailed(f"CEL compile error: {error}") from None
    if program.result_type.kind not in ("bool", "dyn"):
        raise AllocationFailed(
            f"CEL compile error: must evaluate to bool or the unknown type, not {program.result_type}"
        )
    return program


def as_value(offer: Offer) -> dict[str, Any]:
    """A device as expressions see it."""
    attributes, capacity = Domains(), Domains()
    for name, attribute in offer.device.attributes.items():
        domain, own = _split(name, offer.driver)
        attributes.setdefault(domain, {})[own] = _plain(attribute)
    for name, amount in offer.device.capacity.items():
        domain, own = _split(name, offer.driver)
        capacity.setdefault(domain, {})[own] = Quantity(str(amount.value or 0))
    shared = bool(offer.device.allowMultipleAllocations)
    return {
        "driver": offer.driver,
        "attributes": attributes,
        "capacity": capacity,
        "allowMultipleAllocations": shared,
    }


def _split(name: str, driver: str) -> tuple[str, str]:
    domain, _, own = name.rpartition("/")
    return domain or driver, own


def _plain(attribute: v1.DeviceAttribute) -> Any:
    if attribute.bool_ is not None:
        return attribute.bool_
    if attribute.int_ is not None:
        return attribute.int_
    if attribute.version:
        return Semver(attribute.version)
    if attribute.versions:
        return [Semver(version) for version in attribute.versions]
    return attribute.string or attribute.bools or attribute.ints or attribute.strings


def matches(expression: str, offer: Offer) -> bool:
    """Whether a device is one that the expression selects. Raises AllocationFailed."""
    found = offer.verdicts.get(expression)
    if found is None:
        try:
            found = compiled(expression).evaluate({"device": as_value(offer)}) is True
        except (EvaluationError, CostExceeded) as error:
            raise AllocationFailed(f"CEL runtime error: {error}") from None
        offer.verdicts[expression] = found
    return found
