"""ServiceAccount: who a pod is. Its tokens come from the `token` subresource. Rules follow ValidateServiceAccount."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api.types.core_v1 import ServiceAccount
from kubelite.machinery.kind import Column, Kind, Subresource


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
)
