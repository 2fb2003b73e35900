"""AlwaysPullImages: every container's image is pulled anew, so that nobody uses an image that he may not pull.

Source: plugin/pkg/admission/alwayspullimages/admission.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubelite.api.types.core_v1 import Pod
from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin, denied
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.fielderrors import Path, not_supported
from kubelite.machinery.kind import Kind

ALWAYS = "Always"


class AlwaysPullImages(Plugin):
    """Sets the pull policy of containers and of image volumes."""

    name = "AlwaysPullImages"
    default = False

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return kind.kind == "Pod" and not kind.group and operation in (CREATE, UPDATE) and not subresource

    def mutate(self, request: AdmissionRequest) -> None:
        if request.operation == UPDATE and _images(request.object) <= _images(request.old):
            return
        for one, _ in _pulled(request.object):
            one.imagePullPolicy = ALWAYS
        for volume in request.object.spec.volumes:
            if volume.image is not None:
                volume.image.pullPolicy = ALWAYS

    def validate(self, request: AdmissionRequest) -> None:
        if request.operation == UPDATE and _images(request.object) <= _images(request.old):
            return
        wrong = [path for one, path in _pulled(request.object) if one.imagePullPolicy != ALWAYS]
        if wrong:
            raise denied(request, str(not_supported(wrong[0] / "imagePullPolicy", "", (ALWAYS,))))


def _pulled(pod: Pod) -> Iterator[tuple[Any, Path]]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(getattr(pod.spec, field)):
            yield container, (Path("spec") / field).index(index)


def _images(pod: Pod) -> set[str]:
    return {one.image for one, _ in _pulled(pod)}
