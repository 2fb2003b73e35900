"""ServiceAccount: who a pod is. Its tokens come from the `token` subresource.

Rules follow ValidateServiceAccount and pkg/registry/core/serviceaccount/strategy.go.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api.logic import mountablesecrets
from kubelite.api.types.core_v1 import ObjectReference, ServiceAccount
from kubelite.machinery.kind import Column, Kind, Subresource


def prepare_create(account: ServiceAccount) -> None:
    """Of a Secret only the name counts."""
    account.secrets = [ObjectReference(name=one.name) for one in account.secrets]


def prepare_update(new: ServiceAccount, old: ServiceAccount) -> None:
    """As on creation."""
    prepare_create(new)


def warnings(new: ServiceAccount, old: ServiceAccount | None) -> list[str]:
    """About an annotation of old, when it is new here."""
    if mountablesecrets.ANNOTATION not in new.metadata.annotations:
        return []
    if old is not None and mountablesecrets.ANNOTATION in old.metadata.annotations:
        return []
    text = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{mountablesecrets.ANNOTATION}]: {text}"]


def row(account: ServiceAccount, now: datetime) -> list[Any]:
    return columns.cells(account.metadata.name, account, now, len(account.secrets))


SERVICE_ACCOUNT = Kind(
    group="",
    version="v1",
    kind="ServiceAccount",
    plural="serviceaccounts",
    type=ServiceAccount,
    short_names=("sa",),
    subresources=(
        Subresource(name="token", verbs=("create",), group="authentication.k8s.io", version="v1", kind="TokenRequest"),
    ),
    columns=(
        Column(name="Name", format="name", description="Name must be unique within a namespace."),
        Column(name="Secrets", description="The number of secrets the account may use."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    warnings=warnings,
)
