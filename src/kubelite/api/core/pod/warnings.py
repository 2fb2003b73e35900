"""Things in a pod that are allowed but most likely not meant, told in Warning headers.

Flow: `pod_warnings(new, old)` and `template_warnings(template, path)` return texts. Upstream: pkg/api/pod/warnings.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubelite.api.types import core_v1 as v1
from kubelite.machinery import names
from kubelite.machinery.fielderrors import Path

_OLD_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}
_OLD_VOLUMES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}


def pod_warnings(new: v1.Pod, old: v1.Pod | None) -> list[str]:
    """The warnings about a Pod that is created or whose spec is changed."""
    if old is not None and old.spec == new.spec:
        return []
    found = []
    if old is None:
        wrong = names.dns1123_label(new.metadata.name)
        if wrong:
            found.append(
                "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
                f"a DNS label is recommended: [{' '.join(wrong)}]"
            )
    return [*found, *spec_warnings(new.spec, Path("spec"))]


def template_warnings(new: v1.PodTemplateSpec, old: v1.PodTemplateSpec | None, path: Path) -> list[str]:
    """The warnings about a template that is new or changed."""
    if old is not None and old == new:
        return []
    return list(spec_warnings(new.spec, path / "spec"))


def spec_warnings(spec: v1.PodSpec, path: Path) -> Iterator[str]:
    """The warnings about a pod spec at `path`."""
    for key in spec.nodeSelector:
        if key in _OLD_LABELS:
            yield f"{(path / 'nodeSelector').key(key)}: {_OLD_LABELS[key]}"
    for index, constraint in enumerate(spec.topologySpreadConstraints):
        if constraint.topologyKey in _OLD_LABELS:
            here = (path / "topologySpreadConstraints").index(index) / "topologyKey"
            yield f"{here}: {constraint.topologyKey} is {_OLD_LABELS[constraint.topologyKey]}"
    for index, volume in enumerate(spec.volumes):
        for name, text in _OLD_VOLUMES.items():
            if getattr(volume, name) is not None:
                yield f"{(path / 'volumes').index(index) / name}: {text}"
    if spec.terminationGracePeriodSeconds is not None and spec.terminationGracePeriodSeconds < 0:
        here = path / "terminationGracePeriodSeconds"
        yield f"{here}: must be >= 0; negative values are invalid and will be treated as 1"
    for name in ("initContainers", "containers"):
        for index, container in enumerate(getattr(spec, name)):
            yield from _container(container, (path / name).index(index))


def _container(container: Any, path: Path) -> Iterator[str]:
    seen: set[str] = set()
    for index, variable in enumerate(container.env):
        if variable.name in seen:
            here = (path / "env").index(index)
            yield f'{here}: hides previous definition of "{variable.name}", which may be dropped when using apply'
        seen.add(variable.name)
    ports: dict[tuple[Any, ...], Path] = {}
    for index, port in enumerate(container.ports):
        key = (port.containerPort, port.protocol, port.hostPort, port.hostIP)
        here = (path / "ports").index(index)
        if key in ports:
            yield f"{here}: duplicate port definition with {ports[key]}"
        else:
            ports[key] = here
