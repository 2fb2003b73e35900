"""The kinds that controllers read and write, gathered for short imports."""

from __future__ import annotations

from kubelite.api.apps.controller_revision import CONTROLLER_REVISION
from kubelite.api.apps.daemon_set import DAEMON_SET
from kubelite.api.apps.deployment import DEPLOYMENT
from kubelite.api.apps.replica_set import REPLICA_SET
from kubelite.api.apps.stateful_set import STATEFUL_SET
from kubelite.api.batch.cron_job import CRON_JOB
from kubelite.api.batch.job import JOB
from kubelite.api.coordination.lease import LEASE
from kubelite.api.core.config_map import CONFIG_MAP
from kubelite.api.core.endpoints import ENDPOINTS
from kubelite.api.core.namespace import NAMESPACE
from kubelite.api.core.node import NODE
from kubelite.api.core.pod.kind import POD
from kubelite.api.core.replication_controller import REPLICATION_CONTROLLER
from kubelite.api.core.service.kind import SERVICE
from kubelite.api.core.service_account import SERVICE_ACCOUNT
from kubelite.api.core.volumes.persistent_volume_claim import PERSISTENT_VOLUME_CLAIM
from kubelite.api.discovery.endpoint_slice import ENDPOINT_SLICE

__all__ = [
    "CONFIG_MAP",
    "CONTROLLER_REVISION",
    "CRON_JOB",
    "DAEMON_SET",
    "DEPLOYMENT",
    "ENDPOINTS",
    "ENDPOINT_SLICE",
    "JOB",
    "LEASE",
    "NAMESPACE",
    "NODE",
    "PERSISTENT_VOLUME_CLAIM",
    "POD",
    "REPLICATION_CONTROLLER",
    "REPLICA_SET",
    "SERVICE",
    "SERVICE_ACCOUNT",
    "STATEFUL_SET",
]
