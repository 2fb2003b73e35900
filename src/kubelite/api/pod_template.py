"""Pod templates: the part that all workload kinds share.

What: defaults of a template, the names and images columns, and the ScalePaths of kinds with `spec.replicas`. Validation of
templates is `kubelite.api.core.pod.validation.validate_template`. Upstream: pkg/apis/core/v1 (PodTemplateSpec), pkg/printers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from kubelite.api.core.pod.defaults import default_pod_spec
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import labels, times
from kubelite.machinery.kind import STATUS_VERBS, Column, ScalePaths, Subresource

CONTAINERS_COLUMN = Column(name="Containers", priority=1, description="Names of the containers in the template.")
IMAGES_COLUMN = Column(name="Images", priority=1, description="Images of the containers in the template.")
SELECTOR_COLUMN = Column(name="Selector", priority=1, description="Which pods belong to it.")
TEMPLATE_COLUMNS = (CONTAINERS_COLUMN, IMAGES_COLUMN, SELECTOR_COLUMN)

STATUS = Subresource(name="status", verbs=STATUS_VERBS)
SCALE_AND_STATUS = (
    Subresource(name="scale", verbs=STATUS_VERBS, group="autoscaling", version="v1", kind="Scale"),
    STATUS,
)


def default_template(template: v1.PodTemplateSpec) -> None:
    """Default the pod spec inside a template."""
    default_pod_spec(template.spec)


def containers_cell(template: v1.PodTemplateSpec | None) -> str:
    """The names of the containers, separated by commas."""
    return ",".join(c.name for c in template.spec.containers) if template is not None else ""


def images_cell(template: v1.PodTemplateSpec | None) -> str:
    """The images of the containers, separated by commas."""
    return ",".join(c.image for c in template.spec.containers) if template is not None else ""


def labels_cell(wanted: Mapping[str, str]) -> str:
    """`a=1,b=2` in order of the keys, or `<none>`."""
    return ",".join(f"{key}={wanted[key]}" for key in sorted(wanted)) or "<none>"


def selector_cell(selector: Any) -> str:
    """A LabelSelector as text: `<none>` where it selects everything or is absent, `<error>` where it is invalid."""
    if selector is None:
        return "<none>"
    try:
        return str(labels.from_label_selector(selector)) or "<none>"
    except ValueError:
        return "<error>"


def template_cells(template: v1.PodTemplateSpec | None, selector: str) -> list[str]:
    """The cells of `TEMPLATE_COLUMNS`."""
    return [containers_cell(template), images_cell(template), selector]


def counted_columns(what: str) -> tuple[Column, ...]:
    """The columns of ReplicaSets and ReplicationControllers; `what` is the word for one."""
    return (
        Column(name="Name", format="name", description=f"Name of the {what}, unique within its namespace."),
        Column(name="Desired", type="integer", description="How many pods are wanted."),
        Column(name="Current", type="integer", description="How many pods exist."),
        Column(name="Ready", type="integer", description="How many pods are ready."),
        Column(name="Age", description=f"How long the {what} exists."),
        *TEMPLATE_COLUMNS,
    )


def counted_row(obj: Any, now: datetime, selector: str) -> list[Any]:
    """The cells of `counted_columns`."""
    spec, status = obj.spec, obj.status
    return [
        obj.metadata.name,
        *numbers((spec.replicas, status.replicas, status.readyReplicas)),
        times.age_of(obj.metadata.creationTimestamp, now),
        *template_cells(spec.template, selector),
    ]


def scale_paths(selector: Callable[[Any], str]) -> ScalePaths:
    """Where `scale` finds the numbers of a kind with `spec.replicas` and `status.replicas`."""
    return ScalePaths(
        spec_replicas=wanted_replicas,
        status_replicas=observed_replicas,
        selector=selector,
        set_replicas=set_replicas,
    )


def selector_text(obj: Any) -> str:
    """`spec.selector`, a LabelSelector, as the text in `status.selector` of a Scale."""
    return str(labels.from_label_selector(obj.spec.selector))


def set_replicas(obj: Any, replicas: int) -> None:
    """Write the wanted number of pods."""
    obj.spec.replicas = replicas


def wanted_replicas(obj: Any) -> int:
    """The wanted number of pods; 0 where it is absent."""
    return int(obj.spec.replicas or 0)


def observed_replicas(obj: Any) -> int:
    """The number of pods that the status tells of."""
    return int(obj.status.replicas or 0)


def numbers(values: Iterable[int | None]) -> list[int]:
    """Cells of counts, 0 where absent."""
    return [value or 0 for value in values]
