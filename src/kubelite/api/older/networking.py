"""Old versions of Ingress, IngressClass and NetworkPolicy: extensions/v1beta1 and networking.k8s.io/v1beta1.

What: an Ingress named service and port of a backend side by side, and the backend for everything else just `backend`; a path
without type was up to the controller. Upstream: pkg/apis/{networking,extensions}/v1beta1 (conversion.go, defaults.go).
"""

from __future__ import annotations

from kubelite.api.networking.ingress import IMPLEMENTATION_SPECIFIC, INGRESS
from kubelite.api.networking.ingress_class import INGRESS_CLASS
from kubelite.api.networking.network_policy import NETWORK_POLICY
from kubelite.api.older.declare import older
from kubelite.api.types import extensions_v1beta1 as beta
from kubelite.api.types import networking_v1 as net

EXTENSIONS = "extensions"


def _backend(backend: beta.IngressBackend | None) -> net.IngressBackend | None:
    if backend is None:
        return None
    found = net.IngressBackend(resource=backend.resource)
    if backend.serviceName or backend.servicePort:
        port = net.ServiceBackendPort()
        if isinstance(backend.servicePort, str):
            port.name = backend.servicePort
        elif backend.servicePort:
            port.number = backend.servicePort
        found.service = net.IngressServiceBackend(name=backend.serviceName, port=port)
    return found


def _old_backend(backend: net.IngressBackend | None) -> beta.IngressBackend | None:
    if backend is None:
        return None
    found = beta.IngressBackend(resource=backend.resource)
    if backend.service is not None:
        port = backend.service.port or net.ServiceBackendPort()
        found.serviceName = backend.service.name
        found.servicePort = port.name or port.number or 0
    return found


def to_stored(ingress: beta.Ingress) -> net.Ingress:
    """The same ingress as networking.k8s.io/v1."""
    spec = ingress.spec
    rules = []
    for rule in spec.rules:
        http = None
        if rule.http is not None:
            paths = [
                net.HTTPIngressPath(
                    path=path.path, pathType=path.pathType or IMPLEMENTATION_SPECIFIC, backend=_backend(path.backend)
                )
                for path in rule.http.paths
            ]
            http = net.HTTPIngressRuleValue(paths=paths)
        rules.append(net.IngressRule(host=rule.host, http=http))
    return net.Ingress(
        metadata=ingress.metadata,
        spec=net.IngressSpec(
            ingressClassName=spec.ingressClassName, defaultBackend=_backend(spec.backend), tls=spec.tls, rules=rules
        ),
        status=ingress.status,
    )


def from_stored(ingress: net.Ingress) -> beta.Ingress:
    """The same ingress as it was in v1beta1."""
    spec = ingress.spec
    rules = []
    for rule in spec.rules:
        http = None
        if rule.http is not None:
            paths = [
                beta.HTTPIngressPath(path=path.path, pathType=path.pathType, backend=_old_backend(path.backend))
                for path in rule.http.paths
            ]
            http = beta.HTTPIngressRuleValue(paths=paths)
        rules.append(beta.IngressRule(host=rule.host, http=http))
    return beta.Ingress(
        metadata=ingress.metadata,
        spec=beta.IngressSpec(
            ingressClassName=spec.ingressClassName, backend=_old_backend(spec.defaultBackend), tls=spec.tls, rules=rules
        ),
        status=ingress.status,
    )


INGRESS_EXTENSIONS = older(
    INGRESS,
    "v1beta1",
    "1.14",
    "1.22",
    group=EXTENSIONS,
    type_=beta.Ingress,
    to_stored=to_stored,
    from_stored=from_stored,
)
INGRESS_V1BETA1 = older(
    INGRESS, "v1beta1", "1.19", "1.22", type_=beta.Ingress, to_stored=to_stored, from_stored=from_stored
)
INGRESS_CLASS_V1BETA1 = older(INGRESS_CLASS, "v1beta1", "1.19", "1.22")
NETWORK_POLICY_EXTENSIONS = older(NETWORK_POLICY, "v1beta1", "1.9", "1.16", group=EXTENSIONS)
