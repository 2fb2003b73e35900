"""CustomResourceDefinition: a kind that users declare.

What: defaults, status, generation and columns of the declaration; its checks are in `definition_validation` and, for the schema,
wherever schemas are checked. Flow: the write path calls these; the server's controllers write the status.
Upstream: apiextensions-apiserver/pkg/apis/apiextensions/v1/defaults.go, pkg/registry/customresourcedefinition.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import webhook_client
from kubelite.api.apiextensions.definition_validation import validate, validate_status_update, validate_update
from kubelite.api.types import apiextensions_v1 as v1
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, Subresource

FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
"""Kept on a definition until its objects are gone."""


def set_defaults(definition: v1.CustomResourceDefinition) -> None:
    """Singular and list kind follow from the kind; versions are only relabelled."""
    spec = definition.spec
    if spec.names is not None:
        spec.names.singular = spec.names.singular or spec.names.kind.lower()
        if spec.names.kind and not spec.names.listKind:
            spec.names.listKind = f"{spec.names.kind}List"
    if spec.conversion is None:
        spec.conversion = v1.CustomResourceConversion()
    spec.conversion.strategy = spec.conversion.strategy or "None"
    if spec.conversion.webhook is not None:
        webhook_client.default_port(spec.conversion.webhook.clientConfig)
    if not definition.status.storedVersions:
        _store_version(definition)


def _store_version(definition: v1.CustomResourceDefinition) -> None:
    """Notes that objects are kept in the storage version from now on."""
    stored = definition.status.storedVersions
    for version in definition.spec.versions:
        if version.storage:
            if version.name not in stored:
                definition.status.storedVersions = [*stored, version.name]
            return


def prepare_create(definition: v1.CustomResourceDefinition) -> None:
    """Nothing is accepted yet; objects will be stored in the storage version."""
    definition.status = v1.CustomResourceDefinitionStatus()
    _store_version(definition)


def prepare_update(new: v1.CustomResourceDefinition, old: v1.CustomResourceDefinition) -> None:
    """The status stays, but for a storage version that is new."""
    status = old.status
    new.status = v1.CustomResourceDefinitionStatus(
        acceptedNames=status.acceptedNames,
        conditions=status.conditions,
        observedGeneration=status.observedGeneration,
        storedVersions=status.storedVersions,
    )
    _store_version(new)


def prepare_status_update(new: v1.CustomResourceDefinition, old: v1.CustomResourceDefinition) -> None:
    """A status update changes neither the spec nor labels, annotations, finalizers and owners."""
    new.spec = old.spec
    for name in ("labels", "annotations", "finalizers", "ownerReferences"):
        setattr(new.metadata, name, getattr(old.metadata, name))


def mark_deleted(definition: v1.CustomResourceDefinition, now: str) -> None:
    """A definition that goes waits until its objects are gone."""
    if FINALIZER not in definition.metadata.finalizers:
        definition.metadata.finalizers = [*definition.metadata.finalizers, FINALIZER]
    conditions = definition.status.conditions
    definition.status.conditions = [one for one in conditions if one.type != "Terminating"]
    definition.status.conditions.append(
        v1.CustomResourceDefinitionCondition(
            type="Terminating",
            status="True",
            reason="InstanceDeletionPending",
            message="CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
            lastTransitionTime=now,
        )
    )


def row(definition: v1.CustomResourceDefinition, now: datetime) -> list[Any]:
    """Name and moment of creation."""
    return [definition.metadata.name, definition.metadata.creationTimestamp]


CUSTOM_RESOURCE_DEFINITION = Kind(
    group="apiextensions.k8s.io",
    version="v1",
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    type=v1.CustomResourceDefinition,
    namespaced=False,
    short_names=("crd", "crds"),
    categories=("api-extensions",),
    subresources=(Subresource(name="status", verbs=STATUS_VERBS),),
    storage_prefix="apiextensions.k8s.io/customresourcedefinitions",
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    mark_deleted=mark_deleted,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status_update=prepare_status_update,
    has_generation=True,
    unconditional_update=False,
    columns=(
        Column(name="Name", format="name", description="Plural and group of the declared kind."),
        Column(name="Created At", type="date", description="When it was declared."),
    ),
    row=row,
)
