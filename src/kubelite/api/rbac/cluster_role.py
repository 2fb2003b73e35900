"""ClusterRole: what may be done in the whole cluster."""

from __future__ import annotations

from kubelite.api.rbac import roles
from kubelite.api.types.rbac_v1 import ClusterRole

CLUSTER_ROLE = roles.declare(ClusterRole)
