"""What all controllers tell at /metrics: their queues, and which of them run.

What: `tell_of`. Why: dashboards and alerts know upstream's names, of metrics and of queues.
Flow: a manager makes its controllers → `tell_of` finds their loops → `client.queuemetrics` counts.
Source: k8s.io/component-base/metrics, and the queue names that each controller of kube-controller-manager gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubelite.client.controller import Controller
from kubelite.client.queuemetrics import QueueMetrics
from kubelite.util.metrics import Registry

QUEUES = {
    "bootstrap-signer-controller": "bootstrap_signer_queue",
    "certificatesigningrequest-approving-controller": "certificate_approving",
    "certificatesigningrequest-signing-controller": "certificate",
    "clusterrole-aggregation-controller": "ClusterRoleAggregator",
    "cronjob-controller": "cronjob",
    "daemonset-controller": "daemonset",
    "deployment-controller": "deployment",
    "disruption-controller": "disruption",
    "endpoint-controller": "endpoint",
    "endpointslice-controller": "endpoint_slice",
    "endpointslice-mirroring-controller": "endpoint_slice_mirroring",
    "ephemeral-volume-controller": "ephemeral_volume",
    "garbage-collector-controller": "garbage_collector_attempt_to_delete",
    "horizontal-pod-autoscaler": "horizontalpodautoscaler",
    "job-controller": "job",
    "job-orphans": "job_orphan_pod",
    "namespace-controller": "namespace",
    "node-ipam-controller": "cidrallocator_node",
    "node-lifecycle-controller": "node_lifecycle_controller",
    "node-lifecycle-pods": "node_lifecycle_controller_pods",
    "persistentvolume-attach-detach-controller": "attach_detach",
    "persistentvolume-binder-controller": "claims",
    "persistentvolume-expander-controller": "volume_expand",
    "persistentvolume-protection-controller": "pvprotection",
    "persistentvolumeclaim-protection-controller": "pvcprotection",
    "replicaset-controller": "replicaset",
    "replication-controller": "replicationmanager",
    "resourcequota-controller": "resourcequota_primary",
    "root-ca-certificate-publisher-controller": "root_ca_cert_publisher",
    "service-controller": "service",
    "service-cidr-controller": "servicecidrs",
    "serviceaccount-controller": "serviceaccount",
    "serviceaccount-token-controller": "serviceaccount_tokens_service",
    "statefulset-controller": "statefulset",
    "storageversion-garbage-collector-controller": "storage_version_garbage_collector_storageversions",
    "taint-eviction-controller": "noexec_taint_pod",
    "token-cleaner-controller": "token_cleaner",
    "ttl-after-finished-controller": "ttl_jobs_to_delete",
    "ttl-controller": "ttlcontroller",
    "volumeattributesclass-protection-controller": "vacprotection",
}
"""Name of a loop → name of its queue; a loop that is not named here has a queue of its own name."""


def tell_of(registry: Registry, manager: str, parts: Mapping[str, Any]) -> None:
    """Count the queues of these controllers, and say that they run."""
    queues = QueueMetrics(registry)
    text = "Indicates where instances of a controller are currently running"
    running = registry.gauge("running_managed_controllers", text, ("manager", "name"))
    for name, part in parts.items():
        running.set(1, manager, name)
        for loop in vars(part).values():
            if isinstance(loop, Controller):
                queues.watch(QUEUES.get(loop.name, loop.name), loop.queue)
