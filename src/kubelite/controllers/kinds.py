"""The kinds that controllers read and write, gathered for short imports."""

from __future__ import annotations

from kubelite.api.apps.deployment import DEPLOYMENT
from kubelite.api.apps.replica_set import REPLICA_SET
from kubelite.api.coordination.lease import LEASE
from kubelite.api.core.config_map import CONFIG_MAP
from kubelite.api.core.endpoints import ENDPOINTS
from kubelite.api.core.namespace import NAMESPACE
from kubelite.api.core.node import NODE
from kubelite.api.core.pod.kind import POD
from kubelite.api.core.replication_controller import REPLICATION_CONTROLLER
from kubelite.api.core.service.kind import SERVICE
from kubelite.api.core.service_account import SERVICE_ACCOUNT
from kubelite.api.discovery.endpoint_slice import ENDPOINT_SLICE

__all__ = [
    "CONFIG_MAP",
    "DEPLOYMENT",
    "ENDPOINTS",
    "ENDPOINT_SLICE",
    "LEASE",
    "NAMESPACE",
    "NODE",
    "POD",
    "REPLICATION_CONTROLLER",
    "REPLICA_SET",
    "SERVICE",
    "SERVICE_ACCOUNT",
]
