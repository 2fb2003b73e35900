"""RoleBinding: who has a role in one namespace."""

from __future__ import annotations

from kubelite.api.rbac import bindings
from kubelite.api.types.rbac_v1 import RoleBinding

ROLE_BINDING = bindings.declare(RoleBinding)
