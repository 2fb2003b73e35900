"""ComponentStatus: how the parts of the control plane are, as older clients ask for it.

What: a kind that is only read; the server answers it from the health of the components. Why: `kubectl get cs` still works, with a
warning that this way is deprecated. Flow: the API server makes the objects when asked.
Upstream: pkg/registry/core/componentstatus.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api.types import core_v1 as v1
from kubelite.machinery.kind import Column, Kind

UNKNOWN = "Unknown"
HEALTHY = "Healthy"


def row(status: v1.ComponentStatus, now: datetime) -> list[Any]:
    """Name, state, message and error of the condition Healthy."""
    state, message, error = UNKNOWN, "", ""
    for condition in status.conditions:
        if condition.type == HEALTHY:
            state = HEALTHY if condition.status == "True" else f"Un{HEALTHY.lower()}"
            message, error = condition.message, condition.error
            break
    return [status.metadata.name, state, message, error]


COMPONENT_STATUS = Kind(
    group="",
    version="v1",
    kind="ComponentStatus",
    plural="componentstatuses",
    type=v1.ComponentStatus,
    namespaced=False,
    short_names=("cs",),
    verbs=("get", "list"),
    stored=False,
    deprecation="v1 ComponentStatus is deprecated in v1.19+",
    columns=(
        Column(name="Name", format="name", description="Name of the component."),
        Column(name="Status", description="Healthy or not."),
        Column(name="Message", description="What the component says."),
        Column(name="Error", description="Why it could not be asked."),
    ),
    row=row,
)
