"""The pod spec as a whole, and the objects that hold one: pods and templates.

Flow: `validate_pod(pod)` for Pods, `validate_template(template, path)` for workloads. Parts that are absent are skipped
before any path is built, so that an ordinary pod costs little. Upstream: ValidatePodSpec, validatePodMetadataAndSpec,
ValidatePodTemplateSpec.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubelite.api import validation as check
from kubelite.api.core.pod.validation import annotated, containers, scheduling, security
from kubelite.api.core.pod.validation.known import Known, outline_of_spec
from kubelite.api.core.pod.validation.resources import validate_overhead, validate_pod_resources
from kubelite.api.core.pod.validation.volumes import validate_volumes
from kubelite.api.meta import validate_annotations, validate_labels
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

SPEC = Path("spec")
ANNOTATIONS = Path("metadata") / "annotations"
RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_CONTAINERS = SPEC / "containers"
_INIT_CONTAINERS = SPEC / "initContainers"
_KNOWN = Known()


def validate_pod(pod: v1.Pod) -> FieldErrors:
    """The mistakes in a Pod, its metadata's general rules aside."""
    spec = pod.spec
    errors = _spec(spec, SPEC, pod_name=pod.metadata.name, in_pod=True)
    if pod.metadata.annotations:
        errors += annotated.validate(pod.metadata.annotations, spec, ANNOTATIONS)
        errors += annotated.validate_profiles(pod.metadata.annotations, spec, SPEC)
    if not spec.serviceAccountName:
        errors += _orphan_tokens(spec)
    if spec.schedulingGates and spec.nodeName:
        detail = "cannot be set until all schedulingGates have been cleared"
        errors.append(fe.forbidden(SPEC / "nodeName", detail))
    errors += containers.validate_image_padding(spec.containers, _CONTAINERS)
    if spec.initContainers:
        errors += containers.validate_image_padding(spec.initContainers, _INIT_CONTAINERS)
    return errors


def validate_template(template: v1.PodTemplateSpec, path: Path) -> FieldErrors:
    """The mistakes in a pod template at `path`."""
    metadata, spec = template.metadata, template.spec
    errors = validate_labels(metadata.labels, path / "labels")
    if metadata.annotations:
        errors += validate_annotations(metadata.annotations, path / "annotations")
        errors += annotated.validate(metadata.annotations, spec, path / "annotations")
        errors += annotated.validate_profiles(metadata.annotations, spec, path / "spec")
    errors += _spec(spec, path / "spec", pod_name="", in_pod=False)
    if spec.ephemeralContainers:
        detail = "ephemeral containers not allowed in pod template"
        errors.append(fe.forbidden(path / "spec" / "ephemeralContainers", detail))
    return errors


def _spec(spec: v1.PodSpec, path: Path, *, pod_name: str, in_pod: bool) -> FieldErrors:
    errors: FieldErrors = []
    volumes: dict[str, v1.Volume] = {}
    if spec.terminationGracePeriodSeconds is None:
        errors.append(fe.required(path / "terminationGracePeriodSeconds"))
    if spec.volumes:
        found, volumes = validate_volumes(spec.volumes, pod_name, path / "volumes", in_pod=in_pod)
        errors += found
    # Ephemeral containers look at each other's mounts: rare enough to be checked in full.
    outline = outline_of_spec(spec) if in_pod and not spec.ephemeralContainers else b""
    if outline in _KNOWN and not errors and not containers.validate_unlike(spec, volumes, path):
        return errors
    errors += _alike(spec, volumes, path, in_pod=in_pod)
    if outline and not errors:
        _KNOWN.add(outline)
    return errors


def _alike(spec: v1.PodSpec, volumes: dict[str, v1.Volume], path: Path, *, in_pod: bool) -> FieldErrors:
    """The mistakes in everything but the volumes; apart from mounts and variables the outline alone decides."""
    errors: FieldErrors = []
    claims: frozenset[str] = frozenset()
    if spec.resourceClaims:
        claims = frozenset(claim.name for claim in spec.resourceClaims if claim.name)
        errors += _resource_claims(spec.resourceClaims, path / "resourceClaims")
    pod = containers.PodContext(
        volumes=volumes,
        claims=claims,
        grace=spec.terminationGracePeriodSeconds,
        restart_policy=spec.restartPolicy,
        host_users=spec.hostUsers is not False,
        in_pod=in_pod,
        os_name=spec.os.name if spec.os is not None else "",
    )
    errors += containers.validate_containers(spec.containers, pod, path / "containers")
    if spec.initContainers:
        errors += containers.validate_init_containers(
            spec.initContainers, spec.containers, pod, path / "initContainers"
        )
    if spec.ephemeralContainers:
        errors += containers.validate_ephemeral_containers(spec, pod, path / "ephemeralContainers")
    errors += _policies(spec, path)
    errors += _security(spec, path, in_pod)
    errors += _placement(spec, path)
    return errors + _identity(spec, path)


def _policies(spec: v1.PodSpec, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if spec.restartPolicy not in RESTART_POLICIES:
        errors += check.one_of(path / "restartPolicy", spec.restartPolicy, RESTART_POLICIES, as_listed=True)
    if spec.dnsPolicy not in _DNS_POLICIES:
        errors += check.one_of(path / "dnsPolicy", spec.dnsPolicy, _DNS_POLICIES, as_listed=True)
    if spec.dnsConfig is not None or spec.dnsPolicy == "None":
        errors += _dns_config(spec.dnsConfig, spec.dnsPolicy, path / "dnsConfig")
    deadline = spec.activeDeadlineSeconds
    if deadline is not None and not 1 <= deadline <= check.INT32_MAX:
        detail = names.in_range(1, check.INT32_MAX)
        errors.append(fe.invalid(path / "activeDeadlineSeconds", deadline, detail))
    if spec.preemptionPolicy is not None:
        here, known = path / "preemptionPolicy", ("PreemptLowerPriority", "Never")
        errors += check.one_of(here, spec.preemptionPolicy, known, as_listed=True)
    if spec.resources is not None:
        errors += validate_pod_resources(spec, spec.resources, path / "resources")
    if spec.overhead:
        errors += validate_overhead(spec.overhead, path / "overhead")
    return errors


def _security(spec: v1.PodSpec, path: Path, in_pod: bool) -> FieldErrors:
    errors: FieldErrors = []
    if spec.securityContext is not None:
        errors += security.validate_pod_security(spec.securityContext, spec, path / "securityContext")
    if spec.hostNetwork:
        errors += _host_ports(spec, path / "containers", in_pod)
    if spec.hostUsers is False:
        errors += security.validate_host_users(spec, path)
    if spec.os is not None:
        errors += security.validate_os(spec, lambda: each_container(spec, path), path)
    if _mentions_host_process(spec):
        errors += security.validate_host_process(spec, each_container(spec, path), path)
    return errors


def _mentions_host_process(spec: v1.PodSpec) -> bool:
    every: tuple[Any, ...] = (*spec.containers, *spec.initContainers, *spec.ephemeralContainers)
    contexts = [spec.securityContext, *(c.securityContext for c in every)]
    return any(c is not None and c.windowsOptions is not None for c in contexts)


def each_container(spec: v1.PodSpec, path: Path) -> Iterator[tuple[Any, Path]]:
    """Every container of any kind with its path."""
    for name in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(getattr(spec, name)):
            yield container, (path / name).index(index)


def _host_ports(spec: v1.PodSpec, path: Path, in_pod: bool) -> FieldErrors:
    errors: FieldErrors = []
    for index, container in enumerate(spec.containers):
        for number, port in enumerate(container.ports):
            host = port.hostPort or 0
            if (in_pod or host) and host != (port.containerPort or 0):
                here = (path.index(index) / "ports").index(number) / "hostPort"
                errors.append(fe.invalid(here, host, "must match `containerPort` when `hostNetwork` is true"))
    return errors


def _placement(spec: v1.PodSpec, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if spec.nodeSelector:
        errors += validate_labels(spec.nodeSelector, path / "nodeSelector")
    if spec.affinity is not None:
        errors += scheduling.validate_affinity(spec.affinity, path / "affinity")
    if spec.tolerations:
        errors += scheduling.validate_tolerations(spec.tolerations, path / "tolerations")
    if spec.topologySpreadConstraints:
        here = path / "topologySpreadConstraints"
        errors += scheduling.validate_spread(spec.topologySpreadConstraints, here)
    if spec.schedulingGates:
        errors += scheduling.validate_gates(spec.schedulingGates, path / "schedulingGates")
    for index, gate in enumerate(spec.readinessGates):
        here = (path / "readinessGates").index(index) / "conditionType"
        errors += check.qualified_name(here, gate.conditionType)
    return errors


_NAMES: Mapping[str, Any] = {
    "serviceAccountName": names.dns1123_subdomain,
    "nodeName": names.dns1123_subdomain,
    "hostname": names.dns1123_label,
    "subdomain": names.dns1123_label,
    "priorityClassName": names.dns1123_subdomain,
    "runtimeClassName": names.dns1123_subdomain,
}


def _identity(spec: v1.PodSpec, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    for field, name_check in _NAMES.items():
        value = getattr(spec, field)
        if value:
            found = name_check(value)
            if found:
                errors += check.complaints(path / field, value, found)
    if spec.hostnameOverride is not None:
        errors += _hostname_override(spec, spec.hostnameOverride, path)
    for index, alias in enumerate(spec.hostAliases):
        here = (path / "hostAliases").index(index)
        errors += check.ip(here / "ip", alias.ip)
        for number, hostname in enumerate(alias.hostnames):
            found = names.dns1123_subdomain(hostname)
            errors += check.complaints((here / "hostnames").index(number), hostname, found)
    return errors


def _hostname_override(spec: v1.PodSpec, override: str, path: Path) -> FieldErrors:
    here = path / "hostnameOverride"
    errors = check.complaints(here, override, names.dns1123_subdomain(override))
    if len(override) > 64:
        errors.append(fe.too_long(here, 64))
    if spec.hostNetwork:
        errors.append(fe.forbidden(here, "hostnameOverride and hostNetwork are mutually exclusive"))
    if spec.setHostnameAsFQDN:
        errors.append(fe.forbidden(here, "setHostnameAsFQDN and hostnameOverride are mutually exclusive"))
    return errors


def _dns_config(config: v1.PodDNSConfig | None, policy: str, path: Path) -> FieldErrors:
    if policy == "None":
        if config is None:
            return [fe.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.nameservers:
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [fe.required(path / "nameservers", detail)]
    if config is None:
        return []
    errors: FieldErrors = []
    here = path / "nameservers"
    if len(config.nameservers) > 3:
        errors.append(fe.invalid(here, config.nameservers, "must not have more than 3 nameservers"))
    for index, server in enumerate(config.nameservers):
        errors += check.ip(here.index(index), server)
    errors += _searches(config, path / "searches")
    for index, option in enumerate(config.options):
        if not option.name:
            errors.append(fe.required((path / "options").index(index), "must not be empty"))
    return errors


def _searches(config: v1.PodDNSConfig, here: Path) -> FieldErrors:
    errors: FieldErrors = []
    if len(config.searches) > 32:
        errors.append(fe.invalid(here, config.searches, "must not have more than 32 search paths"))
    if len(" ".join(config.searches)) > 2048:
        detail = "must not have more than 2048 characters (including spaces) in the search list"
        errors.append(fe.invalid(here, config.searches, detail))
    for index, search in enumerate(config.searches):
        plain = search.removesuffix(".").replace("_", "a")
        if search != ".":
            errors += check.complaints(here.index(index), search, names.dns1123_subdomain(plain))
    return errors


def _resource_claims(claims: list[v1.PodResourceClaim], path: Path) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        here = path.index(index)
        if not claim.name:
            errors.append(fe.required(here / "name"))
        elif claim.name in seen:
            errors.append(fe.duplicate(here / "name", claim.name))
        else:
            errors += check.complaints(here / "name", claim.name, names.dns1123_label(claim.name))
            seen.add(claim.name)
        if claim.resourceClaimName and claim.resourceClaimTemplateName:
            detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.append(fe.invalid(here, claim, detail))
        elif not claim.resourceClaimName and not claim.resourceClaimTemplateName:
            detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.append(fe.invalid(here, claim, detail))
        for field in ("resourceClaimName", "resourceClaimTemplateName"):
            value = getattr(claim, field)
            if value:
                errors += check.complaints(here / field, value, names.dns1123_subdomain(value))
    return errors


def _orphan_tokens(spec: v1.PodSpec) -> FieldErrors:
    """A token needs a service account to speak for."""
    errors: FieldErrors = []
    for index, volume in enumerate(spec.volumes):
        for number, source in enumerate(volume.projected.sources if volume.projected is not None else ()):
            if source.serviceAccountToken is not None:
                here = ((SPEC / "volumes").index(index) / "projected" / "sources").index(number) / "serviceAccountToken"
                errors.append(fe.forbidden(here, "must not be specified when serviceAccountName is not set"))
    return errors
