"""Which services a pod belongs to, and which pods a service has: shared by the two endpoint controllers.

What: `ServicePods` maps changes of pods and services to service keys. Why: most pod updates do not concern endpoints; those
that do must find their services quickly. Flow: change → `keys` → queue; key → `pods_of`.
"""

from __future__ import annotations

from typing import Any

from kubelite.client.informer import Change, Informer, object_key
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import SERVICE
from kubelite.controllers.objects import Pod, Service
from kubelite.controllers.podindex import BY_NAMESPACE, pods_informer

SERVICES_BY_NAMESPACE = "namespace"


class ServicePods:
    """The two caches behind endpoints."""

    def __init__(self, context: Context) -> None:
        self.services: Informer[Service] = context.informers.get(SERVICE, Service)
        if SERVICES_BY_NAMESPACE not in self.services.indexes:
            self.services.add_indexers({SERVICES_BY_NAMESPACE: lambda service: (service.metadata.namespace,)})
        self.pods = pods_informer(context)

    def pods_of(self, service: Service) -> list[Pod]:
        """The pods that the service selects, in order of their names."""
        wanted = service.spec.selector.items()
        candidates = self.pods.by_index(BY_NAMESPACE, service.metadata.namespace)
        found = [pod for pod in candidates if wanted <= pod.metadata.labels.items()]
        return sorted(found, key=lambda pod: pod.metadata.name)

    def keys(self, change: Change[Pod]) -> list[str]:
        """The services whose endpoints a pod's change may alter."""
        old, new = change
        if old is not None and new is not None and _outside(old) == _outside(new):
            return []
        keys: dict[str, None] = {}
        for pod in change:
            if pod is None:
                continue
            labels = pod.metadata.labels.items()
            for service in self.services.by_index(SERVICES_BY_NAMESPACE, pod.metadata.namespace):
                selector = service.spec.selector
                if selector and selector.items() <= labels:
                    keys[object_key(service)] = None
        return list(keys)


def _outside(pod: Pod) -> tuple[Any, ...]:
    """All that an endpoint is made of."""
    status = pod.status
    ready = any(c.type == "Ready" and c.status == "True" for c in status.conditions)
    meta, spec = pod.metadata, pod.spec
    return (
        meta.labels,
        meta.uid,
        meta.deletionTimestamp is not None,
        spec.nodeName,
        spec.hostname,
        spec.subdomain,
        status.phase,
        status.podIP,
        [address.ip for address in status.podIPs],
        ready,
    )
