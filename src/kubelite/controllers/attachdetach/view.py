"""Volumes, claims, pods, nodes and attachments as attach/detach sees them, and what wakes which key.

What: `View`. Why: a decision is about one volume; everything that may change it has to lead to the volume's name without a walk
through all objects. Flow: informers → indexes → keys `volume NAME` and `node NAME`.
"""

from __future__ import annotations

from typing import Any, Final

from kubelite.api.core.volumes.persistent_volume import PERSISTENT_VOLUME
from kubelite.api.core.volumes.persistent_volume_claim import PERSISTENT_VOLUME_CLAIM
from kubelite.api.storage.csi_driver import CSI_DRIVER
from kubelite.api.storage.volume_attachment import VOLUME_ATTACHMENT
from kubelite.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from kubelite.api.types.storage_v1 import CSIDriver, VolumeAttachment
from kubelite.client.informer import Change, Informer, object_key
from kubelite.controllers.attachdetach.plan import MANAGED, needs_volumes
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import NODE
from kubelite.controllers.newest import Newest
from kubelite.controllers.objects import Node, Pod
from kubelite.controllers.podindex import BY_NODE, pods_informer

VOLUME, ON_NODE = "volume ", "node "
"""What the keys of the queue begin with."""
USERS: Final = "users-of-claim"
OF_DRIVER: Final = "by-driver"
OF_VOLUME: Final = "by-volume"
OF_NODE: Final = "by-node"


def claims_of(pod: Pod) -> list[str]:
    """The keys of the claims that a pod uses."""
    meta = pod.metadata
    found = []
    for volume in pod.spec.volumes:
        if volume.persistentVolumeClaim is not None:
            found.append(f"{meta.namespace}/{volume.persistentVolumeClaim.claimName}")
        elif volume.ephemeral is not None:
            found.append(f"{meta.namespace}/{meta.name}-{volume.name}")
    return found


def volume_of(attachment: VolumeAttachment) -> str:
    """The name of the volume that is attached; "" for an inline one."""
    source = attachment.spec.source
    return source.persistentVolumeName if source is not None else ""


class View:
    """See the module."""

    def __init__(self, context: Context) -> None:
        get = context.informers.get
        self.volumes: Informer[PersistentVolume] = get(PERSISTENT_VOLUME)
        self.claims: Informer[PersistentVolumeClaim] = get(PERSISTENT_VOLUME_CLAIM)
        self.drivers: Informer[CSIDriver] = get(CSI_DRIVER)
        self.attachments: Informer[VolumeAttachment] = get(VOLUME_ATTACHMENT)
        self.nodes: Informer[Node] = get(NODE, Node)
        self.pods = pods_informer(context)
        self.newest_nodes = Newest(self.nodes)
        self.pods.add_indexers({USERS: claims_of})
        self.volumes.add_indexers({OF_DRIVER: lambda v: (v.spec.csi.driver,) if v.spec.csi is not None else ()})
        self.attachments.add_indexers({OF_VOLUME: lambda a: (volume_of(a),), OF_NODE: lambda a: (a.spec.nodeName,)})

    @property
    def informers(self) -> tuple[Informer[Any], ...]:
        return self.volumes, self.claims, self.drivers, self.attachments, self.nodes, self.pods

    def users(self, volume: PersistentVolume) -> list[Pod]:
        """The live pods on nodes that use the volume by the claim that it is bound to."""
        ref = volume.spec.claimRef
        if ref is None:
            return []
        claim = self.claims.get(f"{ref.namespace}/{ref.name}")
        if claim is None or claim.metadata.uid != ref.uid or claim.spec.volumeName != volume.metadata.name:
            return []
        return [pod for pod in self.pods.by_index(USERS, object_key(claim)) if needs_volumes(pod)]

    def is_attachable(self, volume: PersistentVolume) -> bool:
        """Whether its driver attaches at all; one that has not said otherwise does."""
        if volume.spec.csi is None:
            return False
        driver = self.drivers.get(volume.spec.csi.driver)
        return driver is None or driver.spec.attachRequired is not False

    def woken_by_pod(self, change: Change[Pod]) -> list[str]:
        """The volumes of its claims, when it comes to a node, ends or goes."""
        old, new = change.old, change.new
        if old is not None and new is not None and needs_volumes(old) == needs_volumes(new):
            return []
        return self._volumes_of(change.object)

    def _volumes_of(self, pod: Pod) -> list[str]:
        found = (self.claims.get(key) for key in claims_of(pod))
        return [VOLUME + claim.spec.volumeName for claim in found if claim is not None and claim.spec.volumeName]

    def woken_by_claim(self, change: Change[PersistentVolumeClaim]) -> list[str]:
        """Its volume, when it gets one or goes."""
        old, new, name = change.old, change.new, change.object.spec.volumeName
        known = old is not None and new is not None and old.spec.volumeName == name
        return [VOLUME + name] if name and not known else []

    def woken_by_volume(self, change: Change[PersistentVolume]) -> list[str]:
        """The volume, where a driver has to do with it."""
        return [VOLUME + change.object.metadata.name] if change.object.spec.csi is not None else []

    def woken_by_driver(self, change: Change[CSIDriver]) -> list[str]:
        """All volumes of the driver, when it begins or ceases to attach."""
        old, new = change.old, change.new
        if old is not None and new is not None and old.spec.attachRequired == new.spec.attachRequired:
            return []
        return [VOLUME + v.metadata.name for v in self.volumes.by_index(OF_DRIVER, change.object.metadata.name)]

    def woken_by_attachment(self, change: Change[VolumeAttachment]) -> list[str]:
        """Its volume, and its node's status."""
        name = volume_of(change.object)
        return [ON_NODE + change.object.spec.nodeName, *([VOLUME + name] if name else [])]

    def woken_by_node(self, change: Change[Node]) -> list[str]:
        """What is attached there, or wanted there, when the node changes in a way that matters."""
        old, new, name = change.old, change.new, change.object.metadata.name
        if old is not None and new is not None and _facts(old) == _facts(new):
            return []
        woken = {VOLUME + volume_of(a) for a in self.attachments.by_index(OF_NODE, name) if volume_of(a)}
        if old is None:
            for pod in self.pods.by_index(BY_NODE, name):
                woken.update(self._volumes_of(pod))
        return [ON_NODE + name, *sorted(woken)]


def _facts(node: Node) -> tuple[Any, ...]:
    ready = [c.status for c in node.status.conditions if c.type == "Ready"]
    attached = [a.name for a in node.status.volumesAttached]
    keys = [t.key for t in node.spec.taints]
    return node.metadata.annotations.get(MANAGED), ready, node.status.volumesInUse, attached, keys
