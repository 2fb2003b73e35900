"""The kind PodTemplate.

Upstream: pkg/registry/core/podtemplate, pkg/printers printPodTemplate.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import pod_template
from kubelite.api.core.pod.validation.spec import validate_template
from kubelite.api.types import core_v1 as v1
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

COLUMNS = (
    Column(name="Name", format="name", description="Name of the template, unique within its namespace."),
    Column(name="Containers", description="Names of the containers in the template."),
    Column(name="Images", description="Images of the containers in the template."),
    Column(name="Pod Labels", description="The labels that pods made from the template get."),
)


def set_defaults(holder: v1.PodTemplate) -> None:
    """Default the template."""
    pod_template.default_template(holder.template)


def validate(holder: v1.PodTemplate) -> FieldErrors:
    """The mistakes in the template."""
    return validate_template(holder.template, Path("template"))


def row(holder: v1.PodTemplate, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    return [
        holder.metadata.name,
        pod_template.containers_cell(holder.template),
        pod_template.images_cell(holder.template),
        pod_template.labels_cell(holder.template.metadata.labels),
    ]


POD_TEMPLATE = Kind(
    group="",
    version="v1",
    kind="PodTemplate",
    plural="podtemplates",
    type=v1.PodTemplate,
    set_defaults=set_defaults,
    validate=validate,
    has_generation=True,
    columns=COLUMNS,
    row=row,
)
