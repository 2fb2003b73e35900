"""The Service kind: declaration, defaults, validation, and table columns."""

from __future__ import annotations

from kubelite.api.core.service.kind import SERVICE

__all__ = ["SERVICE"]
