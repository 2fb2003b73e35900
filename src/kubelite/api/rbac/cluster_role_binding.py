"""ClusterRoleBinding: who has a role in the whole cluster."""

from __future__ import annotations

from kubelite.api.rbac import bindings
from kubelite.api.types.rbac_v1 import ClusterRoleBinding

CLUSTER_ROLE_BINDING = bindings.declare(ClusterRoleBinding)
