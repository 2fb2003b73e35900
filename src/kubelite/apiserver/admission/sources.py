"""What admission plugins read of other objects, from the caches.

What: `Sources`, one method per question. Why: a plugin gets functions, not the registry, and can be tested with a lambda.
Flow: registry → `Lookup` → typed objects. Only the `live` ones wait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubelite.api.types.core_v1 import LimitRange, LimitRangeItem, Pod, ServiceAccount
from kubelite.api.types.scheduling_v1 import PriorityClass
from kubelite.apiserver.lookup import Lookup

SCHEDULING, STORAGE, NETWORKING, NODE = "scheduling.k8s.io", "storage.k8s.io", "networking.k8s.io", "node.k8s.io"


class Sources:
    """Readers of one server's objects."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self.lookup = Lookup(registry)

    async def live(self, resource: str, namespace: str, name: str) -> bytes | None:
        """An object of the core group straight from the store."""
        kind = self.lookup.kind(resource)
        entry = None if kind is None else await self._registry.live(kind, namespace, name)
        return None if entry is None else bytes(entry.body)

    def namespace(self, name: str) -> bytes | None:
        return self.lookup.body("namespaces", "", name)

    async def live_namespace(self, name: str) -> bytes | None:
        return await self.live("namespaces", "", name)

    def labels(self, namespace: str) -> Mapping[str, str] | None:
        """The labels of a namespace."""
        found = self.lookup.metadata("namespaces", "", namespace)
        return None if found is None else found.labels

    def annotations(self, namespace: str) -> Mapping[str, str] | None:
        """The annotations of a namespace."""
        found = self.lookup.metadata("namespaces", "", namespace)
        return None if found is None else found.annotations

    async def provide_namespace(self, name: str) -> None:
        """Creates a namespace. Raises StatusError, also for one that exists already."""
        from kubelite.api.types.core_v1 import Namespace
        from kubelite.api.types.meta_v1 import ObjectMeta

        kind = self.lookup.kind("namespaces")
        await self._registry.create(kind, Namespace(metadata=ObjectMeta(name=name)))

    def node_labels(self, name: str) -> Mapping[str, str] | None:
        """The labels of a node."""
        found = self.lookup.metadata("nodes", "", name)
        return None if found is None else found.labels

    def account(self, namespace: str, name: str) -> ServiceAccount | None:
        return self.lookup.get("serviceaccounts", namespace, name, ServiceAccount)

    async def live_account(self, namespace: str, name: str) -> ServiceAccount | None:
        import msgspec

        body = await self.live("serviceaccounts", namespace, name)
        return None if body is None else msgspec.json.decode(body, type=ServiceAccount)

    def pod(self, namespace: str, name: str) -> Pod | None:
        return self.lookup.get("pods", namespace, name, Pod)

    def pods(self, namespace: str) -> list[Pod]:
        kind = self.lookup.kind("pods")
        return [] if kind is None else self._registry.cached_list(kind, namespace)

    def limits(self, namespace: str) -> Sequence[LimitRangeItem]:
        """The limits of all LimitRanges of a namespace."""
        found = self.lookup.shared_list("limitranges", LimitRange)
        return [item for one in found if one.metadata.namespace == namespace for item in one.spec.limits]

    def priority_class(self, name: str) -> PriorityClass | None:
        return self.lookup.get("priorityclasses", "", name, PriorityClass, SCHEDULING)

    def priority_classes(self) -> Sequence[PriorityClass]:
        return self.lookup.shared_list("priorityclasses", PriorityClass, SCHEDULING)

    def storage_class(self, name: str) -> Any:
        from kubelite.api.types.storage_v1 import StorageClass

        return self.lookup.get("storageclasses", "", name, StorageClass, STORAGE)

    def storage_classes(self) -> Sequence[Any]:
        from kubelite.api.types.storage_v1 import StorageClass

        return self.lookup.shared_list("storageclasses", StorageClass, STORAGE)

    def ingress_classes(self) -> Sequence[Any]:
        from kubelite.api.types.networking_v1 import IngressClass

        return self.lookup.shared_list("ingressclasses", IngressClass, NETWORKING)

    def runtime_class(self, name: str) -> Any:
        from kubelite.api.types.node_v1 import RuntimeClass

        return self.lookup.get("runtimeclasses", "", name, RuntimeClass, NODE)
