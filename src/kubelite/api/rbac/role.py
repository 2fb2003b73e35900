"""Role: what may be done in one namespace."""

from __future__ import annotations

from kubelite.api.rbac import roles
from kubelite.api.types.rbac_v1 import Role

ROLE = roles.declare(Role)
