"""RuntimeClass: which of a node's container runtimes runs a pod, what that costs, and where it is possible.

Upstream: pkg/apis/node/validation, pkg/registry/node/runtimeclass.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.core.pod.validation.resources import amount, container_resource_name
from kubelite.api.core.pod.validation.scheduling import validate_tolerations
from kubelite.api.meta import validate_labels
from kubelite.api.types.node_v1 import RuntimeClass, Scheduling
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names, quantity
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind


def set_defaults(runtime_class: RuntimeClass) -> None:
    """Nothing to fill in; amounts are written canonically."""
    if runtime_class.overhead is not None:
        quantity.set_resource_list_defaults(runtime_class.overhead.podFixed)


def validate(runtime_class: RuntimeClass) -> FieldErrors:
    """A handler, what pods cost besides their containers, and where they can run."""
    handler = runtime_class.handler
    errors = check.complaints(Path("handler"), handler, names.dns1123_label(handler))
    if runtime_class.overhead is not None:
        path = Path("overhead") / "podFixed"
        for name, cost in runtime_class.overhead.podFixed.items():
            errors += container_resource_name(name, path.key(name)) + amount(name, cost, path.key(name))
    if runtime_class.scheduling is not None:
        errors += _validate_scheduling(runtime_class.scheduling, Path("scheduling"))
    return errors


def _validate_scheduling(scheduling: Scheduling, path: Path) -> FieldErrors:
    errors = validate_labels(scheduling.nodeSelector, path / "nodeSelector")
    here = path / "tolerations"
    errors += validate_tolerations(scheduling.tolerations, here)
    for index, toleration in enumerate(scheduling.tolerations):
        if toleration in scheduling.tolerations[:index]:
            errors.append(fe.duplicate(here.index(index), toleration))
    return errors


def validate_update(new: RuntimeClass, old: RuntimeClass) -> FieldErrors:
    """Pods were started by the handler: it stays."""
    return check.immutable(Path("handler"), new.handler, old.handler)


def row(runtime_class: RuntimeClass, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    return columns.cells(runtime_class.metadata.name, runtime_class, now, runtime_class.handler)


RUNTIME_CLASS = Kind(
    group="node.k8s.io",
    version="v1",
    kind="RuntimeClass",
    plural="runtimeclasses",
    type=RuntimeClass,
    namespaced=False,
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    unconditional_update=False,
    columns=(
        Column(name="Name", format="name", description="Name of the class."),
        Column(name="Handler", description="What nodes call that runtime."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)
