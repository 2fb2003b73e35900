"""Containers, init containers and ephemeral containers.

Upstream: validateContainerCommon, validateContainers, validateInitContainers, validateEphemeralContainers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kubelite.api import validation as check
from kubelite.api.core.pod.validation.env import validate_env, validate_env_from
from kubelite.api.core.pod.validation.mounts import Volumes, validate_devices, validate_mounts
from kubelite.api.core.pod.validation.probes import validate_probes, validate_stop_signal
from kubelite.api.core.pod.validation.resources import validate_resources
from kubelite.api.core.pod.validation.security import validate_container_security
from kubelite.api.core.pod.validation.volumes import PULL_POLICIES
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

AnyContainer = v1.Container | v1.EphemeralContainer
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_RESIZE_POLICIES = ("NotRequired", "RestartContainer")
_ONLY_SIDECARS = "may not be set for init containers without restartPolicy=Always"
_NOT_EPHEMERAL = "cannot be set for an Ephemeral Container"
_EPHEMERAL_FORBIDDEN = (
    "ports",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
)


@dataclass(frozen=True, slots=True)
class PodContext:
    """What a container is checked against."""

    volumes: Volumes
    claims: frozenset[str]
    grace: int | None
    restart_policy: str
    host_users: bool
    in_pod: bool
    os_name: str


def validate_containers(containers: list[v1.Container], pod: PodContext, path: Path) -> FieldErrors:
    """The mistakes in the regular containers."""
    if not containers:
        return [fe.required(path)]
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, container in enumerate(containers):
        here = path.index(index)
        errors += _common(container, pod, here)
        if container.name in seen:
            errors.append(fe.duplicate(here / "name", container.name))
        seen.add(container.name)
        errors += validate_probes(container, pod.grace, here)
        if container.restartPolicy or container.restartPolicyRules:
            errors += _restart_rules(container, here)
    return errors + _host_port_conflicts(containers, path)


def _restart_rules(container: v1.Container, path: Path) -> FieldErrors:
    """The policy of one container, and the exit codes that make an exception."""
    errors = check.one_of(
        path / "restartPolicy", container.restartPolicy, ("Always", "Never", "OnFailure"), required=False
    )
    rules = container.restartPolicyRules
    if rules and not container.restartPolicy:
        errors.append(fe.required(path / "restartPolicy", "must specify restartPolicy when restart rules are used"))
    here = path / "restartPolicyRules"
    if len(rules) > 20:
        errors.append(fe.too_many(here, len(rules), 20))
    for index, rule in enumerate(rules):
        at = here.index(index)
        errors += check.one_of(at / "action", rule.action, ("Restart", "RestartAllContainers"))
        codes = rule.exitCodes
        if codes is None:
            errors.append(fe.required(at / "exitCodes", "must be specified"))
            continue
        errors += check.one_of(at / "exitCodes" / "operator", codes.operator, ("In", "NotIn"))
        if len(codes.values) > 255:
            errors.append(fe.too_many(at / "exitCodes" / "values", len(codes.values), 255))
    return errors


def validate_init_containers(
    containers: list[v1.Container], regular: list[v1.Container], pod: PodContext, path: Path
) -> FieldErrors:
    """The mistakes in the init containers, of which those with restartPolicy Always are sidecars."""
    errors: FieldErrors = []
    seen = {container.name for container in regular}
    for index, container in enumerate(containers):
        here = path.index(index)
        errors += _common(container, pod, here)
        if container.restartPolicy or container.restartPolicyRules:
            errors += _restart_rules(container, here)
        if container.name in seen:
            errors.append(fe.duplicate(here / "name", container.name))
        elif container.name:
            seen.add(container.name)
        errors += _host_port_conflicts([container], path)
        if container.restartPolicy == "Always":
            errors += validate_probes(container, pod.grace, here)
        else:
            for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
                if getattr(container, name) is not None:
                    errors.append(fe.forbidden(here / name, _ONLY_SIDECARS))
    return errors


def validate_ephemeral_containers(spec: v1.PodSpec, pod: PodContext, path: Path) -> FieldErrors:
    """The mistakes in the ephemeral containers: no ports, no probes, no resources; names unique in the whole pod."""
    errors: FieldErrors = []
    others = {container.name for container in (*spec.containers, *spec.initContainers)}
    seen = set(others)
    for index, container in enumerate(spec.ephemeralContainers):
        here = path.index(index)
        errors += _common(container, pod, here)
        errors += validate_image_padding([container], path, offset=index)
        if container.name in seen:
            errors.append(fe.duplicate(here / "name", container.name))
        seen.add(container.name)
        target = container.targetContainerName
        if target and target not in others:
            errors.append(fe.not_found(here / "targetContainerName", target))
        errors += [
            fe.forbidden(here / name, _NOT_EPHEMERAL) for name in _EPHEMERAL_FORBIDDEN if getattr(container, name)
        ]
        resources = container.resources
        if resources is not None and (resources.limits or resources.requests or resources.claims):
            errors.append(fe.forbidden(here / "resources", _NOT_EPHEMERAL))
        for number, mount in enumerate(container.volumeMounts):
            at = (here / "volumeMounts").index(number)
            errors += [
                fe.forbidden(at / name, _NOT_EPHEMERAL) for name in ("subPath", "subPathExpr") if getattr(mount, name)
            ]
    return errors


def validate_image_padding(containers: Iterable[AnyContainer], path: Path, *, offset: int = 0) -> FieldErrors:
    """A pod's image reference has no spaces around it; a template's may, as it always could."""
    errors: FieldErrors = []
    for index, container in enumerate(containers, offset):
        if container.image != container.image.strip():
            detail = "must not have leading or trailing whitespace"
            errors.append(fe.invalid(path.index(index) / "image", container.image, detail))
    return errors


def _common(container: AnyContainer, pod: PodContext, path: Path) -> FieldErrors:
    """What all kinds of containers have in common; absent parts cost nothing."""
    errors: FieldErrors = []
    if not container.name:
        errors.append(fe.required(path / "name"))
    else:
        found = names.dns1123_label(container.name)
        if found:
            errors += check.complaints(path / "name", container.name, found)
    if not container.image:
        errors.append(fe.required(path / "image"))
    if container.terminationMessagePolicy not in _MESSAGE_POLICIES:
        here, policy = path / "terminationMessagePolicy", container.terminationMessagePolicy
        errors += check.one_of(here, policy, _MESSAGE_POLICIES, as_listed=True)
    if container.imagePullPolicy not in PULL_POLICIES:
        errors += check.one_of(path / "imagePullPolicy", container.imagePullPolicy, PULL_POLICIES)
    errors += _lists(container, pod, path)
    if container.resources is not None:
        errors += validate_resources(container.resources, pod.claims, path / "resources")
    if container.resizePolicy:
        errors += _resize_policy(container.resizePolicy, pod.restart_policy, path / "resizePolicy")
    if container.securityContext is not None:
        errors += validate_container_security(container.securityContext, path / "securityContext", pod.host_users)
    if container.lifecycle is not None:
        errors += validate_stop_signal(container, pod.os_name, path)
    return errors


def _lists(container: AnyContainer, pod: PodContext, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if container.ports:
        errors += _ports(container.ports, path / "ports")
    if container.env:
        errors += validate_env(container.env, path / "env")
    if container.envFrom:
        errors += validate_env_from(container.envFrom, path / "envFrom")
    if container.volumeMounts:
        errors += validate_mounts(container, pod.volumes, path / "volumeMounts")
    if container.volumeDevices:
        errors += validate_devices(container, pod.volumes, path / "volumeDevices")
    return errors


def validate_unlike(spec: v1.PodSpec, volumes: Volumes, path: Path) -> FieldErrors:
    """The mistakes in the parts of containers that differ between the pods of a workload (see `known`); in any order."""
    errors: FieldErrors = []
    here = path / "containers"
    for container in (*spec.containers, *spec.initContainers) if spec.initContainers else spec.containers:
        if container.env:
            errors += validate_env(container.env, here)
        if container.volumeMounts:
            errors += validate_mounts(container, volumes, here)
        if container.volumeDevices:
            errors += validate_devices(container, volumes, here)
    return errors


def _ports(ports: list[v1.ContainerPort], path: Path) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here = path.index(index)
        if port.name:
            found = names.port_name(port.name)
            if found:
                errors += check.complaints(here / "name", port.name, found)
            elif port.name in seen:
                errors.append(fe.duplicate(here / "name", port.name))
            seen.add(port.name)
        if not port.containerPort:
            errors.append(fe.required(here / "containerPort"))
        elif not 0 < port.containerPort < 65536:
            errors += check.port_number(here / "containerPort", port.containerPort)
        if port.hostPort:
            errors += check.port_number(here / "hostPort", port.hostPort)
        if port.protocol not in check.PORT_PROTOCOLS:
            errors += check.one_of(here / "protocol", port.protocol, check.PORT_PROTOCOLS)
        if port.hostIP:
            errors += check.ip(here / "hostIP", port.hostIP)
    return errors


def _host_port_conflicts(containers: Iterable[v1.Container], path: Path) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, container in enumerate(containers):
        for number, port in enumerate(container.ports):
            if not port.hostPort:
                continue
            key = f"{port.protocol}/{port.hostIP}/{port.hostPort}"
            if key in seen:
                errors.append(fe.duplicate((path.index(index) / "ports").index(number) / "hostPort", key))
            seen.add(key)
    return errors


def _resize_policy(policies: list[v1.ContainerResizePolicy], restart_policy: str, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        if policy.resourceName in seen:
            errors.append(fe.duplicate(path.index(index), policy.resourceName))
        seen.add(policy.resourceName)
        errors += check.one_of(path, policy.resourceName, ("cpu", "memory"))
        errors += check.one_of(path, policy.restartPolicy, _RESIZE_POLICIES)
        if restart_policy == "Never" and policy.restartPolicy != "NotRequired":
            detail = "must be 'NotRequired' when `restartPolicy` is 'Never'"
            errors.append(fe.invalid(path, policy.restartPolicy, detail))
    return errors
