"""Defaults of pods and pod templates, exactly those that upstream makes visible in the object.

What: `default_pod(pod)` for Pods, `default_pod_spec(spec)` for every object that embeds a template. Why: a template keeps
what its author wrote (no requests from limits, no service links), a Pod gets the rest. Flow: typed object in, the same
object changed in place. Upstream: pkg/apis/core/v1/defaults.go and the v1 conversions (service account, pod IPs).
"""

from __future__ import annotations

from collections.abc import Iterable

from kubelite.api.core.pod.images import default_pull_policy
from kubelite.api.core.pod.quantities import canonical_amount, canonical_resources, rounded_amount
from kubelite.api.core.pod.volume_defaults import default_field_ref, default_volume
from kubelite.api.logic import podresources
from kubelite.api.types import core_v1 as v1

AnyContainer = v1.Container | v1.EphemeralContainer


def default_pod_spec(spec: v1.PodSpec) -> None:
    """Default the parts that Pods and templates share."""
    if not spec.dnsPolicy:
        spec.dnsPolicy = "ClusterFirst"
    if not spec.restartPolicy:
        spec.restartPolicy = "Always"
    if spec.securityContext is None:
        spec.securityContext = v1.PodSecurityContext()
    if spec.terminationGracePeriodSeconds is None:
        spec.terminationGracePeriodSeconds = 30
    if not spec.schedulerName:
        spec.schedulerName = "default-scheduler"
    _mirror_service_account(spec)
    containers: tuple[AnyContainer, ...] = (*spec.containers, *spec.initContainers, *spec.ephemeralContainers)
    for container in containers:
        default_container(container)
    for volume in spec.volumes:
        default_volume(volume)
    if spec.hostNetwork:
        _default_host_ports(spec.containers)
        _default_host_ports(spec.initContainers)
    if spec.resources is not None or spec.overhead:
        _canonical_pod_amounts(spec)


def _canonical_pod_amounts(spec: v1.PodSpec) -> None:
    if spec.resources is not None:
        canonical_resources(spec.resources)
    spec.overhead = {name: rounded_amount(amount) for name, amount in spec.overhead.items()}


def default_pod(pod: v1.Pod) -> None:
    """Default a Pod: the shared parts, then what only Pods get."""
    spec = pod.spec
    default_pod_spec(spec)
    for container in (*spec.containers, *spec.initContainers):
        if container.resources is not None and container.resources.limits:
            container.resources.requests = {**container.resources.limits, **container.resources.requests}
    if spec.resources is not None:
        _default_pod_level_resources(pod, spec.resources)
    if spec.enableServiceLinks is None:
        spec.enableServiceLinks = True
    status = pod.status
    if status.podIP:
        if not status.podIPs or status.podIPs[0].ip != status.podIP:
            status.podIPs = [v1.PodIP(ip=status.podIP)]
    elif status.podIPs:
        status.podIP = status.podIPs[0].ip


def _mirror_service_account(spec: v1.PodSpec) -> None:
    """`serviceAccount` is the old name of `serviceAccountName`: both are served, the new one wins."""
    name = spec.serviceAccountName or spec.serviceAccount
    spec.serviceAccountName = name
    spec.serviceAccount = name


def _default_host_ports(containers: list[v1.Container]) -> None:
    for container in containers:
        for port in container.ports:
            if not port.hostPort:
                port.hostPort = port.containerPort


def default_container(container: AnyContainer) -> None:
    """Default one container of any kind."""
    if not container.imagePullPolicy:
        container.imagePullPolicy = default_pull_policy(container.image)
    if not container.terminationMessagePath:
        container.terminationMessagePath = "/dev/termination-log"
    if not container.terminationMessagePolicy:
        container.terminationMessagePolicy = "File"
    if container.resources is None:
        container.resources = v1.ResourceRequirements()
    else:
        canonical_resources(container.resources)
    for port in container.ports:
        if not port.protocol:
            port.protocol = "TCP"
    if container.env:
        _default_env(container.env)
    for probe in (container.livenessProbe, container.readinessProbe, container.startupProbe):
        if probe is not None:
            default_probe(probe)
    if container.lifecycle is not None:
        _default_lifecycle(container.lifecycle)


def _default_lifecycle(lifecycle: v1.Lifecycle) -> None:
    for handler in (lifecycle.postStart, lifecycle.preStop):
        if handler is not None and handler.httpGet is not None:
            _default_http_get(handler.httpGet)


def _default_env(env: Iterable[v1.EnvVar]) -> None:
    for variable in env:
        source = variable.valueFrom
        if source is None:
            continue
        if source.fieldRef is not None:
            default_field_ref(source.fieldRef)
        if source.resourceFieldRef is not None:
            source.resourceFieldRef.divisor = canonical_amount(source.resourceFieldRef.divisor or "0")
        if source.fileKeyRef is not None and source.fileKeyRef.optional is None:
            source.fileKeyRef.optional = False


def default_probe(probe: v1.Probe) -> None:
    """Default the periods and thresholds, and the handler's own fields."""
    if not probe.timeoutSeconds:
        probe.timeoutSeconds = 1
    if not probe.periodSeconds:
        probe.periodSeconds = 10
    if not probe.successThreshold:
        probe.successThreshold = 1
    if not probe.failureThreshold:
        probe.failureThreshold = 3
    if probe.httpGet is not None:
        _default_http_get(probe.httpGet)
    if probe.grpc is not None and probe.grpc.service is None:
        probe.grpc.service = ""


def _default_http_get(action: v1.HTTPGetAction) -> None:
    if not action.path:
        action.path = "/"
    if not action.scheme:
        action.scheme = "HTTP"


def _default_pod_level_resources(pod: v1.Pod, resources: v1.ResourceRequirements) -> None:
    """Pod-level huge page limits, then requests, from what the containers and the pod's limits say."""
    requests = podresources.container_requests(pod)
    _default_huge_page_limits(pod, resources)
    if not resources.limits:
        return
    wanted = dict(resources.requests)
    for name, amount in requests.items():
        if name in ("cpu", "memory"):
            wanted.setdefault(name, podresources.amount_text(name, amount))
    for name, limit in resources.limits.items():
        if podresources.is_pod_level(name):
            wanted.setdefault(name, limit)
    resources.requests = wanted


def _default_huge_page_limits(pod: v1.Pod, resources: v1.ResourceRequirements) -> None:
    """Huge pages cannot be overcommitted: the pod's limit is the sum of the containers' limits, if none is given."""
    if not (resources.requests or resources.limits):
        return
    for name, amount in podresources.container_limits(pod).items():
        if name.startswith("hugepages-") and name not in resources.requests:
            resources.limits.setdefault(name, podresources.amount_text(name, amount))
