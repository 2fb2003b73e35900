"""The kinds that the kubelet reads and writes, without their rules.

Why: the full declarations bring validation and defaults of the API server along, which this process never runs; names and
paths are all a client needs. The rules of a kind stand in `kubelite.api` alone.
"""

from __future__ import annotations

from kubelite.api.types.coordination_v1 import Lease
from kubelite.api.types.core_v1 import Node, Pod, Secret
from kubelite.api.types.node_v1 import RuntimeClass
from kubelite.api.types.storage_v1 import CSIDriver, CSINode, VolumeAttachment
from kubelite.machinery.kind import Kind

POD = Kind(group="", version="v1", kind="Pod", plural="pods", type=Pod)
NODE = Kind(group="", version="v1", kind="Node", plural="nodes", type=Node, namespaced=False)
SECRET = Kind(group="", version="v1", kind="Secret", plural="secrets", type=Secret)
RUNTIME_CLASS = Kind(
    group="node.k8s.io", version="v1", kind="RuntimeClass", plural="runtimeclasses", type=RuntimeClass, namespaced=False
)
LEASE = Kind(group="coordination.k8s.io", version="v1", kind="Lease", plural="leases", type=Lease)
STORAGE = "storage.k8s.io"
CSI_DRIVER = Kind(group=STORAGE, version="v1", kind="CSIDriver", plural="csidrivers", type=CSIDriver, namespaced=False)
CSI_NODE = Kind(group=STORAGE, version="v1", kind="CSINode", plural="csinodes", type=CSINode, namespaced=False)
VOLUME_ATTACHMENT = Kind(
    group=STORAGE,
    version="v1",
    kind="VolumeAttachment",
    plural="volumeattachments",
    type=VolumeAttachment,
    namespaced=False,
)
