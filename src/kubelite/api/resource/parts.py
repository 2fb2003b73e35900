"""What the kinds of resource.k8s.io share: names, sets of limited size, selectors, configurations, tolerations.

Flow: the kinds' `validate` call these. Expressions are checked for length only; compiling them is left to who has the compiler.
Upstream: pkg/apis/resource/validation/validation.go, pkg/apis/resource/types.go (the limits).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from kubelite.api import validation as check
from kubelite.api.core.volumes.sources import driver_name
from kubelite.api.types import resource_v1 as v1
from kubelite.machinery import codec, names
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path

GROUP = "resource.k8s.io"
SPEC, STATUS = Path("spec"), Path("status")
MAX_LIST = 32
MAX_SUBREQUESTS = 8
MAX_TOLERATIONS = 16
MAX_EXPRESSION = 10 * 1024
MAX_PARAMETERS = 10 * 1024
MAX_DOMAIN, MAX_ID, MAX_POOL = 63, 32, 253
MAX_BINDING_CONDITIONS = 4
EFFECTS = ("NoExecute", "NoSchedule", "None")
OPERATORS = ("Equal", "Exists")
Item = TypeVar("Item")


def each(
    items: Sequence[Item],
    limit: int,
    test: Callable[[Item, Path], FieldErrors],
    path: Path,
    key: Callable[[Item], Hashable] | None = None,
    field: str = "",
) -> FieldErrors:
    """Not more than `limit` items, each right and, with a `key` (shown under `field`), each once."""
    errors: FieldErrors = []
    if len(items) > limit:
        errors.append(fe.too_many(path, len(items), limit))
    seen: set[Hashable] = set()
    for index, item in enumerate(items):
        here = path.index(index)
        errors += test(item, here)
        if key is None:
            continue
        found = key(item)
        if found in seen:
            errors.append(fe.duplicate(here / field if field else here, found))
        seen.add(found)
    return errors


def label(name: str, path: Path) -> FieldErrors:
    """A DNS label: names of requests, devices, counters."""
    return check.complaints(path, name, names.dns1123_label(name))


def pool_name(name: str, path: Path) -> FieldErrors:
    """Domains, joined by slashes."""
    if not name:
        return [fe.required(path)]
    errors = [fe.too_long(path, MAX_POOL)] if len(name) > MAX_POOL else []
    for part in name.split("/"):
        errors += check.complaints(path, part, names.dns1123_subdomain(part))
    return errors


def qualified(name: str, path: Path) -> FieldErrors:
    """`domain/name`, or a name alone, which is in the driver's domain."""
    domain, slash, rest = name.rpartition("/")
    errors: FieldErrors = []
    if slash and not domain:
        errors.append(fe.required(path, "the domain must not be empty"))
    elif slash:
        if len(domain) > MAX_DOMAIN:
            errors.append(fe.too_long(path, MAX_DOMAIN))
        errors += check.complaints(path, domain, names.dns1123_subdomain(domain))
    if not rest:
        return [*errors, fe.required(path, "the name must not be empty" if slash else "name required")]
    if len(rest) > MAX_ID:
        errors.append(fe.too_long(path, MAX_ID))
    return errors + check.complaints(path, rest, names.c_identifier(rest))


def fully_qualified(name: str, path: Path) -> FieldErrors:
    """`domain/name`, with its domain."""
    errors = qualified(name, path)
    return errors if not name or "/" in name else [*errors, fe.invalid(path, name, "must include a domain")]


def selectors(found: Sequence[v1.DeviceSelector], path: Path) -> FieldErrors:
    """Expressions of bearable length."""
    return each(found, MAX_LIST, _selector, path)


def _selector(selector: v1.DeviceSelector, path: Path) -> FieldErrors:
    if selector.cel is None:
        return [fe.required(path / "cel")]
    here = path / "cel" / "expression"
    if not selector.cel.expression:
        return [fe.required(here)]
    return [fe.too_long(here, MAX_EXPRESSION)] if len(selector.cel.expression.encode()) > MAX_EXPRESSION else []


def configuration(config: Any, path: Path) -> FieldErrors:
    """Parameters for a driver, which only that driver understands."""
    opaque: v1.OpaqueDeviceConfiguration | None = config.opaque
    path = path / "opaque"
    if opaque is None:
        return [fe.required(path)]
    errors = driver_name(opaque.driver, path / "driver")
    here = path / "parameters"
    if opaque.parameters is None:
        errors.append(fe.required(here))
    elif not isinstance(opaque.parameters, dict):
        errors.append(fe.invalid(here, "<value omitted>", "parameters must be a valid JSON object"))
    elif len(codec.encode(opaque.parameters)) > MAX_PARAMETERS:
        errors.append(fe.too_long(here, MAX_PARAMETERS))
    return errors


def default_tolerations(tolerations: Sequence[v1.DeviceToleration]) -> None:
    """A value must be equal unless said otherwise."""
    for toleration in tolerations:
        toleration.operator = toleration.operator or "Equal"


def tolerations(found: Sequence[v1.DeviceToleration], path: Path) -> FieldErrors:
    """Which taints of devices are put up with."""
    return each(found, MAX_TOLERATIONS, _toleration, path)


def _toleration(toleration: v1.DeviceToleration, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if toleration.key:
        errors += check.qualified_name(path / "key", toleration.key)
    if toleration.operator == "Exists":
        if toleration.value:
            errors.append(fe.invalid(path / "value", toleration.value, "must be empty for operator `Exists`"))
    elif toleration.operator == "Equal":
        errors += check.complaints(path / "value", toleration.value, names.label_value(toleration.value))
    else:
        errors += check.one_of(path / "operator", toleration.operator, OPERATORS)
    return errors + check.one_of(path / "effect", toleration.effect, EFFECTS, required=False)


def taint(found: v1.DeviceTaint, path: Path) -> FieldErrors:
    """Key, value and effect."""
    errors = check.qualified_name(path / "key", found.key)
    errors += check.complaints(path / "value", found.value, names.label_value(found.value))
    return errors + check.one_of(path / "effect", found.effect, EFFECTS)


def binding_conditions(device: Any, path: Path) -> FieldErrors:
    """Conditions of success and of failure come together, and none is both."""
    success, failure = device.bindingConditions, device.bindingFailureConditions

    def condition(text: str, here: Path) -> FieldErrors:
        return check.qualified_name(here, text)

    errors: FieldErrors = []
    for field, found in (("bindingConditions", success), ("bindingFailureConditions", failure)):
        errors += each(found, MAX_BINDING_CONDITIONS, condition, path / field, str)
    for index, text in enumerate(failure):
        if text in success:
            detail = "bindingFailureConditions must not overlap with bindingConditions"
            errors.append(fe.invalid((path / "bindingFailureConditions").index(index), text, detail))
    if success and not failure:
        detail = "bindingFailureConditions are required to use bindingConditions"
        errors.append(fe.invalid(path / "bindingFailureConditions", failure, detail))
    if failure and not success:
        detail = "bindingConditions are required to use bindingFailureConditions"
        errors.append(fe.invalid(path / "bindingConditions", success, detail))
    return errors
