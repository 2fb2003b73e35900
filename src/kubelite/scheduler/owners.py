"""Which pods belong together by their Services and controllers, for spreading by default.

What: `Owners` knows the selectors of Services, ReplicationControllers, ReplicaSets and StatefulSets; `selector_of(pod)` is what
all of those that select or own the pod ask for together. Why: pods without constraints of their own are spread after it.
Upstream: plugins/helper/spread.go DefaultSelector.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.api.types.meta_v1 import LabelSelector
from kubelite.machinery import labels as selectors
from kubelite.scheduler.pods import PodInfo

SERVICE, CONTROLLER = "Service", "ReplicationController"
API_VERSIONS = {"ReplicationController": "v1", "ReplicaSet": "apps/v1", "StatefulSet": "apps/v1"}


class Meta(msgspec.Struct, gc=False):
    name: str = ""
    namespace: str = ""
    resourceVersion: str = ""


class MapSpec(msgspec.Struct, gc=False):
    selector: dict[str, str] | None = None


class WithMap(msgspec.Struct, gc=False):
    """A Service or ReplicationController: its selector is a map."""

    metadata: Meta
    spec: MapSpec = msgspec.field(default_factory=MapSpec)


class SelectorSpec(msgspec.Struct, gc=False):
    selector: LabelSelector | None = None


class WithSelector(msgspec.Struct, gc=False):
    """A ReplicaSet or StatefulSet."""

    metadata: Meta
    spec: SelectorSpec = msgspec.field(default_factory=SelectorSpec)


class Owners:
    """Selectors by kind, namespace and name."""

    def __init__(self) -> None:
        self._services: dict[str, dict[str, dict[str, str]]] = {}
        self._controllers: dict[tuple[str, str, str], selectors.Selector] = {}
        self._made: dict[Any, selectors.Selector | None] = {}

    def set(self, kind: str, obj: Any) -> None:
        meta, selector = obj.metadata, obj.spec.selector
        self._made.clear()
        if not selector:
            self.remove(kind, obj)
        elif kind == SERVICE:
            self._services.setdefault(meta.namespace, {})[meta.name] = selector
        else:
            try:
                made = selectors.from_set(selector) if kind == CONTROLLER else selectors.from_label_selector(selector)
            except ValueError:
                self.remove(kind, obj)
                return
            self._controllers[kind, meta.namespace, meta.name] = made

    def remove(self, kind: str, obj: Any) -> None:
        meta = obj.metadata
        self._made.clear()
        if kind == SERVICE:
            self._services.get(meta.namespace, {}).pop(meta.name, None)
        else:
            self._controllers.pop((kind, meta.namespace, meta.name), None)

    def selector_of(self, info: PodInfo) -> selectors.Selector | None:
        """None where nothing selects or owns the pod."""
        meta = info.pod.metadata
        owner = next((o for o in meta.ownerReferences if o.controller), None)
        known = owner is not None and API_VERSIONS.get(owner.kind) == owner.apiVersion
        which = (owner.kind, owner.name) if known and owner is not None else None
        key = (meta.namespace, which, tuple(meta.labels.items()))
        if key not in self._made:
            if len(self._made) > 1000:
                self._made.clear()
            self._made[key] = self._make(meta.namespace, meta.labels, which)
        return self._made[key]

    def _make(self, namespace: str, labels: dict[str, str], owner: tuple[str, str] | None) -> selectors.Selector | None:
        wanted: dict[str, str] = {}
        for selector in self._services.get(namespace, {}).values():
            if all(labels.get(key) == value for key, value in selector.items()):
                wanted.update(selector)
        found = selectors.from_set(wanted)
        if owner is not None:
            of_owner = self._controllers.get((owner[0], namespace, owner[1]))
            if of_owner is not None and not of_owner.empty:
                found = selectors.Selector([*found.requirements, *of_owner.requirements])
        return None if found.empty else found
