"""Scale: how many replicas a workload has and should have. The body of the `scale` subresources, never stored."""

from __future__ import annotations

from kubelite.api.types.autoscaling_v1 import Scale
from kubelite.machinery import fielderrors
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Kind


def validate(scale: Scale) -> list[FieldError]:
    replicas = scale.spec.replicas or 0
    if replicas < 0:
        path = Path("spec") / "replicas"
        return [fielderrors.invalid(path, replicas, "must be greater than or equal to 0")]
    return []


SCALE = Kind(
    group="autoscaling",
    version="v1",
    kind="Scale",
    plural="scales",
    type=Scale,
    verbs=(),
    stored=False,
    validate=validate,
)
