"""The types of `extensions_v1beta1` that differ from those of today, which Kubernetes served until 1.21. Written by hand.

Why: manifests of that time are still accepted. Deployments of apps/v1beta1 and Ingresses of networking.k8s.io/v1beta1 have the
same form.
"""

from __future__ import annotations

from msgspec import field

from kubelite.api.types import apps_v1
from kubelite.api.types.base import Int64, IntOrString, Object
from kubelite.api.types.core_v1 import TypedLocalObjectReference
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.api.types.networking_v1 import IngressStatus, IngressTLS


class RollbackConfig(Object):
    revision: Int64 | None = None


class DeploymentSpec(apps_v1.DeploymentSpec):
    rollbackTo: RollbackConfig | None = None


class Deployment(Object):
    metadata: ObjectMeta = field(default_factory=lambda: ObjectMeta())
    apiVersion: str = ""
    kind: str = ""
    spec: DeploymentSpec = field(default_factory=lambda: DeploymentSpec())
    status: apps_v1.DeploymentStatus = field(default_factory=lambda: apps_v1.DeploymentStatus())


class DaemonSetSpec(apps_v1.DaemonSetSpec):
    templateGeneration: Int64 | None = None


class DaemonSet(Object):
    metadata: ObjectMeta = field(default_factory=lambda: ObjectMeta())
    apiVersion: str = ""
    kind: str = ""
    spec: DaemonSetSpec = field(default_factory=lambda: DaemonSetSpec())
    status: apps_v1.DaemonSetStatus = field(default_factory=lambda: apps_v1.DaemonSetStatus())


class IngressBackend(Object):
    serviceName: str = ""
    servicePort: IntOrString | None = None
    resource: TypedLocalObjectReference | None = None


class HTTPIngressPath(Object):
    path: str = ""
    pathType: str = ""
    backend: IngressBackend | None = None


class HTTPIngressRuleValue(Object):
    paths: list[HTTPIngressPath] = field(default_factory=list)


class IngressRule(Object):
    host: str = ""
    http: HTTPIngressRuleValue | None = None


class IngressSpec(Object):
    ingressClassName: str | None = None
    backend: IngressBackend | None = None
    tls: list[IngressTLS] = field(default_factory=list)
    rules: list[IngressRule] = field(default_factory=list)


class Ingress(Object):
    metadata: ObjectMeta = field(default_factory=lambda: ObjectMeta())
    apiVersion: str = ""
    kind: str = ""
    spec: IngressSpec = field(default_factory=lambda: IngressSpec())
    status: IngressStatus = field(default_factory=lambda: IngressStatus())
