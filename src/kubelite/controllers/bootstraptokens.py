"""Bootstrap tokens as Secrets of kube-system: what is in them, and until when they hold. Pure.

Source: cluster-bootstrap/token, pkg/controller/bootstrap.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime

from kubelite.api.types.core_v1 import Secret

TYPE = "bootstrap.kubernetes.io/token"
PREFIX = "bootstrap-token-"


def text(data: Mapping[str, str], key: str) -> str:
    """One value of a Secret; "" where there is none that is text."""
    try:
        return base64.b64decode(data.get(key, "")).decode()
    except ValueError:
        return ""


def seconds_left(secret: Secret, now: datetime) -> float | None:
    """Seconds until the token expires; None for one that never does. A time that cannot be read has passed."""
    expiration = text(secret.data, "expiration")
    if not expiration:
        return None
    try:
        moment = datetime.fromisoformat(expiration)
    except ValueError:
        return 0.0
    return (moment - now).total_seconds() if moment.tzinfo is not None else 0.0


def signing_key(secret: Secret, now: datetime) -> tuple[str, str] | None:
    """(id, secret) of a token that may sign; None for one that may not."""
    data = secret.data
    identity, key = text(data, "token-id"), text(data, "token-secret")
    if not identity or not key or secret.metadata.name != PREFIX + identity:
        return None
    left = seconds_left(secret, now)
    if (left is not None and left <= 0) or text(data, "usage-bootstrap-signing") != "true":
        return None
    return identity, key
