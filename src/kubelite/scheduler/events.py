"""What happens in the cluster, and which plugins' verdicts it can change.

What: the names of events, and `Hints`, which tells for a waiting pod whether an event may help it (queueing hints). Why: a pod
that fits nowhere must not be tried after every change of anything. Flow: cache → `PendingPods.happened(event, old, new)` →
`Hints.helps` asks those plugins that rejected the pod and that registered the event; a plugin without a hint says yes. Pods for
which a plugin's hints answer alike are asked about once (`Hints.group`). Upstream: EventsToRegister of each plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from kubelite.scheduler.pods import PodInfo

NODE_ADD = "NodeAdd"
NODE_DELETE = "NodeDelete"
NODE_ALLOCATABLE = "NodeUpdateNodeAllocatable"
NODE_LABEL = "NodeUpdateNodeLabel"
NODE_TAINT = "NodeUpdateNodeTaint"
NODE_FEATURES = "NodeUpdateNodeDeclaredFeature"
POD_ADD = "AssignedPodAdd"
POD_LABEL = "AssignedPodUpdatePodLabel"
POD_SCALED_DOWN = "AssignedPodUpdatePodScaleDown"
POD_DELETE = "AssignedPodDelete"
NAMESPACE = "NamespaceUpdate"
CLAIM = "PersistentVolumeClaim"
VOLUME = "PersistentVolume"
STORAGE_CLASS = "StorageClass"
CSI_NODE = "CSINode"
CSI_DRIVER = "CSIDriver"
CSI_CAPACITY = "CSIStorageCapacity"
ATTACHMENT = "VolumeAttachment"
RESOURCE_CLAIM = "ResourceClaim"
RESOURCE_SLICE = "ResourceSlice"
DEVICE_CLASS = "DeviceClass"

ALL = (
    *(NODE_ADD, NODE_DELETE, NODE_ALLOCATABLE, NODE_LABEL, NODE_TAINT, NODE_FEATURES),
    *(POD_ADD, POD_LABEL, POD_SCALED_DOWN, POD_DELETE),
)
"""What those are told who do not say what they look at."""

Hint = Callable[[PodInfo, Any, Any], bool]
"""`hint(waiting pod, old, new)`: whether the change may make the pod fit."""
Registered = Mapping[str, Hint | None]


class Listener:
    """One who rejects pods, and what can change its verdict."""

    name = ""
    events: Registered = MappingProxyType({})
    """Event → hint; None: it always can."""

    def alike(self, pod: PodInfo) -> Hashable:
        """The same for pods about which all hints say the same, so that one of them is asked about; None: each for itself."""
        return None

    def concerns(self, event: str, old: Any, new: Any) -> Iterable[str]:
        """The keys of pods that an event helps whatever it does for those that are alike."""
        return ()


class Hints:
    """The events that the plugins of all profiles registered."""

    def __init__(self) -> None:
        self._by_profile: dict[str, dict[str, Listener]] = {}
        self._interested: dict[str, frozenset[str]] = {}

    def register(self, profile: str, plugins: Iterable[Listener]) -> None:
        """Takes over what the plugins of a profile say of themselves (`name`, `events`)."""
        self._by_profile[profile] = {plugin.name: plugin for plugin in plugins}
        found: dict[str, set[str]] = {}
        for table in self._by_profile.values():
            for name, plugin in table.items():
                for event in plugin.events:
                    found.setdefault(event, set()).add(name)
        self._interested = {event: frozenset(names) for event, names in found.items()}

    def plugins(self, event: str) -> frozenset[str]:
        """The plugins that look at an event in any profile."""
        return self._interested.get(event, frozenset())

    def group(self, info: PodInfo, name: str) -> Hashable:
        """The same for pods about which a plugin's hints say the same."""
        profile = info.pod.spec.schedulerName
        plugin = self._by_profile.get(profile, {}).get(name)
        alike = plugin.alike(info) if plugin is not None else None
        return info.key if alike is None else (profile, alike)

    def singled_out(self, name: str, event: str, old: Any, new: Any) -> Iterable[str]:
        """The keys of pods that an event helps whatever it does for others of their group."""
        for table in self._by_profile.values():
            if name in table:
                yield from table[name].concerns(event, old, new)

    def helps(self, info: PodInfo, name: str, event: str, old: Any, new: Any) -> bool:
        """Whether an event may change the verdict of a plugin that rejected the pod."""
        plugin = self._by_profile.get(info.pod.spec.schedulerName, {}).get(name)
        if plugin is None or event not in plugin.events:
            return False
        hint = plugin.events[event]
        return hint is None or hint(info, old, new)
