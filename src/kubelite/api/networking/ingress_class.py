"""IngressClass: names a controller that serves ingresses.

Upstream: pkg/registry/networking/ingressclass, pkg/apis/networking/validation (ValidateIngressClass), pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.networking.references import validate_reference
from kubelite.api.types import networking_v1 as net
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

LONGEST_CONTROLLER = 250
CLUSTER, NAMESPACE = "Cluster", "Namespace"
SPEC = Path("spec")


def set_defaults(ingress_class: net.IngressClass) -> None:
    """Parameters are objects of the whole cluster."""
    parameters = ingress_class.spec.parameters
    if parameters is not None and not parameters.scope:
        parameters.scope = CLUSTER


def validate(ingress_class: net.IngressClass) -> FieldErrors:
    """The controller's name, and the reference to its parameters."""
    spec, path = ingress_class.spec, SPEC / "controller"
    errors: FieldErrors = []
    if len(spec.controller.encode()) > LONGEST_CONTROLLER:
        errors.append(fe.too_long(path, LONGEST_CONTROLLER))
    if not spec.controller:
        errors.append(fe.required(path))
    else:
        errors += check.complaints(path, spec.controller, names.domain_prefixed_path(spec.controller))
    if spec.parameters is not None:
        errors += _parameters(spec.parameters, SPEC / "parameters")
    return errors


def _parameters(parameters: net.IngressClassParametersReference, path: Path) -> FieldErrors:
    errors = validate_reference(parameters, path)
    errors += check.one_of(path / "scope", parameters.scope, (CLUSTER, NAMESPACE))
    namespace, here = parameters.namespace, path / "namespace"
    if parameters.scope == NAMESPACE:
        if not namespace:
            errors.append(fe.required(here, "`parameters.scope` is set to 'Namespace'"))
        else:
            errors += check.complaints(here, namespace, names.dns1123_label(namespace))
    if parameters.scope == CLUSTER and namespace:
        errors.append(fe.forbidden(here, "`parameters.scope` is set to 'Cluster'"))
    return errors


def validate_update(new: net.IngressClass, old: net.IngressClass) -> FieldErrors:
    """The controller never changes."""
    return check.immutable(SPEC / "controller", new.spec.controller, old.spec.controller)


def row(ingress_class: net.IngressClass, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    parameters, shown = ingress_class.spec.parameters, columns.NONE
    if parameters is not None:
        kind = f"{parameters.kind}.{parameters.apiGroup}" if parameters.apiGroup else parameters.kind
        shown = f"{kind}/{parameters.name}"
    return [ingress_class.metadata.name, ingress_class.spec.controller, shown, columns.age(ingress_class, now)]


INGRESS_CLASS = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="IngressClass",
    plural="ingressclasses",
    type=net.IngressClass,
    namespaced=False,
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    has_generation=True,
    columns=(
        Column(name="Name", format="name", description="Name must be unique among classes."),
        Column(name="Controller", description="The controller that serves ingresses of the class."),
        Column(name="Parameters", description="An object with settings for the controller."),
        Column(name="Age", description="How long the class exists."),
    ),
    row=row,
)
