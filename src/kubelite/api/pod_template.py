"""Pod templates: the part that all workload kinds share.

What: defaults of a template, the names and images columns, and the ScalePaths of kinds with `spec.replicas`. Validation of
templates is `kubelite.api.core.pod.validation.validate_template`. Upstream: pkg/apis/core/v1 (PodTemplateSpec), pkg/printers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kubelite.api.core.pod.defaults import default_pod_spec
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import labels
from kubelite.machinery.kind import Column

CONTAINERS_COLUMN = Column(name="Containers", priority=1, description="Names of the containers in the template.")
IMAGES_COLUMN = Column(name="Images", priority=1, description="Images of the containers in the template.")
SELECTOR_COLUMN = Column(name="Selector", priority=1, description="Which pods belong to it.")


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
