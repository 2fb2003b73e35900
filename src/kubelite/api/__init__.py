"""The kinds of kubelite: the only list of them.

What: `KINDS`, every declared `Kind`, `gated(gate)`, those behind a feature gate, and `scheme()`, the lookup over `KINDS`. Why:
discovery, OpenAPI, storage keys, RBAC and the CLI read this one list. Flow: a kind's module declares it; the line below names
it; the first use of `KINDS` imports the modules. Importing `kubelite.api.types` alone therefore costs nothing: daemons that
need a few types do not pay for all rules. The order is the order in which the CLI resolves names (`events` is core/v1 before
events.k8s.io).
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from kubelite.machinery.kind import Kind
from kubelite.machinery.scheme import Scheme

DECLARATIONS: tuple[str, ...] = (
    "core.binding:BINDING",
    "core.component_status:COMPONENT_STATUS",
    "core.config_map:CONFIG_MAP",
    "core.endpoints:ENDPOINTS",
    "core.event:EVENT",
    "core.limit_range:LIMIT_RANGE",
    "core.namespace:NAMESPACE",
    "core.node:NODE",
    "core.volumes.persistent_volume_claim:PERSISTENT_VOLUME_CLAIM",
    "core.volumes.persistent_volume:PERSISTENT_VOLUME",
    "core.pod.kind:POD",
    "core.pod_template:POD_TEMPLATE",
    "core.replication_controller:REPLICATION_CONTROLLER",
    "core.resource_quota:RESOURCE_QUOTA",
    "core.secret:SECRET",
    "core.service_account:SERVICE_ACCOUNT",
    "core.service.kind:SERVICE",
    "admissionregistration.policies:MUTATING_ADMISSION_POLICY",
    "admissionregistration.bindings:MUTATING_ADMISSION_POLICY_BINDING",
    "admissionregistration.webhooks:MUTATING_WEBHOOK_CONFIGURATION",
    "admissionregistration.policies:VALIDATING_ADMISSION_POLICY",
    "admissionregistration.bindings:VALIDATING_ADMISSION_POLICY_BINDING",
    "admissionregistration.webhooks:VALIDATING_WEBHOOK_CONFIGURATION",
    "apiextensions.custom_resource_definition:CUSTOM_RESOURCE_DEFINITION",
    "apiregistration.api_service:API_SERVICE",
    "apps.controller_revision:CONTROLLER_REVISION",
    "apps.daemon_set:DAEMON_SET",
    "apps.deployment:DEPLOYMENT",
    "apps.replica_set:REPLICA_SET",
    "apps.stateful_set:STATEFUL_SET",
    "authentication.reviews:SELF_SUBJECT_REVIEW",
    "authentication.reviews:TOKEN_REVIEW",
    "authentication.reviews:TOKEN_REQUEST",
    "authorization.reviews:LOCAL_SUBJECT_ACCESS_REVIEW",
    "authorization.reviews:SELF_SUBJECT_ACCESS_REVIEW",
    "authorization.reviews:SELF_SUBJECT_RULES_REVIEW",
    "authorization.reviews:SUBJECT_ACCESS_REVIEW",
    "autoscaling.horizontal_pod_autoscaler:HORIZONTAL_POD_AUTOSCALER",
    "autoscaling.horizontal_pod_autoscaler_v1:HORIZONTAL_POD_AUTOSCALER_V1",
    "autoscaling.scale:SCALE",
    "batch.cron_job:CRON_JOB",
    "batch.job:JOB",
    "certificates.certificate_signing_request:CERTIFICATE_SIGNING_REQUEST",
    "coordination.lease:LEASE",
    "discovery.endpoint_slice:ENDPOINT_SLICE",
    "events.event:EVENTS_V1_EVENT",
    "flowcontrol.flow_schema:FLOW_SCHEMA",
    "flowcontrol.priority_level:PRIORITY_LEVEL_CONFIGURATION",
    "networking.ingress_class:INGRESS_CLASS",
    "networking.ingress:INGRESS",
    "networking.ip_address:IP_ADDRESS",
    "networking.network_policy:NETWORK_POLICY",
    "networking.service_cidr:SERVICE_CIDR",
    "policy.disruption_budget:POD_DISRUPTION_BUDGET",
    "node.runtime_class:RUNTIME_CLASS",
    "policy.eviction:EVICTION",
    "rbac.cluster_role_binding:CLUSTER_ROLE_BINDING",
    "rbac.cluster_role:CLUSTER_ROLE",
    "rbac.role_binding:ROLE_BINDING",
    "rbac.role:ROLE",
    "resource.device_class:DEVICE_CLASS",
    "resource.resource_claim:RESOURCE_CLAIM",
    "resource.resource_claim_template:RESOURCE_CLAIM_TEMPLATE",
    "resource.resource_slice:RESOURCE_SLICE",
    "scheduling.priority_class:PRIORITY_CLASS",
    "storage.csi_driver:CSI_DRIVER",
    "storage.csi_node:CSI_NODE",
    "storage.csi_storage_capacity:CSI_STORAGE_CAPACITY",
    "storage.storage_class:STORAGE_CLASS",
    "storage.volume_attachment:VOLUME_ATTACHMENT",
    "storage.volume_attributes_class:VOLUME_ATTRIBUTES_CLASS",
    # Old versions come last: no name of theirs hides a present one.
    "older.workloads:DEPLOYMENT_EXTENSIONS",
    "older.workloads:DAEMON_SET_EXTENSIONS",
    "older.workloads:REPLICA_SET_EXTENSIONS",
    "older.workloads:DEPLOYMENT_V1BETA1",
    "older.workloads:STATEFUL_SET_V1BETA1",
    "older.workloads:CONTROLLER_REVISION_V1BETA1",
    "older.workloads:CONTROLLER_REVISION_V1BETA2",
    "older.workloads:DAEMON_SET_V1BETA2",
    "older.workloads:DEPLOYMENT_V1BETA2",
    "older.workloads:REPLICA_SET_V1BETA2",
    "older.workloads:STATEFUL_SET_V1BETA2",
    "older.workloads:CRON_JOB_V1BETA1",
    "older.networking:INGRESS_EXTENSIONS",
    "older.networking:INGRESS_V1BETA1",
    "older.networking:INGRESS_CLASS_V1BETA1",
    "older.networking:NETWORK_POLICY_EXTENSIONS",
    "older.others:HORIZONTAL_POD_AUTOSCALER_V2BETA1",
    "older.others:HORIZONTAL_POD_AUTOSCALER_V2BETA2",
    "older.others:POD_DISRUPTION_BUDGET_V1BETA1",
    "older.others:CLUSTER_ROLE_BINDING_V1BETA1",
    "older.others:CLUSTER_ROLE_V1BETA1",
    "older.others:ROLE_BINDING_V1BETA1",
    "older.others:ROLE_V1BETA1",
)
"""`module below kubelite.api:constant`, in order."""

GATED: dict[str, tuple[str, ...]] = {
    "StorageVersionAPI": ("apiserverinternal.storage_version:STORAGE_VERSION",),
}
"""Feature gate of the API server → kinds that are served only where it is on, and that `KINDS` therefore leaves out."""

KINDS: tuple[Kind, ...]


def _load(declaration: str) -> Kind:
    module, _, constant = declaration.partition(":")
    found: Kind = getattr(importlib.import_module(f"{__name__}.{module}"), constant)
    return found


@cache
def _kinds() -> tuple[Kind, ...]:
    return tuple(_load(declaration) for declaration in DECLARATIONS)


def gated(gate: str) -> tuple[Kind, ...]:
    """The kinds that a feature gate adds."""
    return tuple(_load(declaration) for declaration in GATED.get(gate, ()))


@cache
def scheme() -> Scheme:
    """The registry of all kinds; built once."""
    return Scheme(_kinds())


def __getattr__(name: str) -> Any:
    if name == "KINDS":
        return _kinds()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
