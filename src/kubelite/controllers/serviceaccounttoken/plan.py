"""What a Secret with the token of a service account should hold: pure.

What: `missing(secret, bundle)` says which data must be filled in, `claims` what the token says. Source:
pkg/controller/serviceaccount/tokens_controller.go, legacy.go: such tokens never expire; they die with their Secret or account.
"""

from __future__ import annotations

import base64
from typing import Any

from kubelite.api.core.secret import SERVICE_ACCOUNT_NAME
from kubelite.api.types.core_v1 import Secret, ServiceAccount

ACCOUNT_UID = "kubernetes.io/service-account.uid"
CA, NAMESPACE, TOKEN = "ca.crt", "namespace", "token"
ISSUER = "kubernetes/serviceaccount"


def account_of(secret: Secret) -> str:
    """The name of the account that the Secret is for."""
    return secret.metadata.annotations.get(SERVICE_ACCOUNT_NAME, "")


def is_for(secret: Secret, account: ServiceAccount | None) -> bool:
    """Whether the account is there, and not another one of the name."""
    if account is None:
        return False
    uid = secret.metadata.annotations.get(ACCOUNT_UID, "")
    return not uid or uid == account.metadata.uid


def missing(secret: Secret, bundle: str) -> set[str]:
    """The data that is not as it should be."""
    data = secret.data
    found = {name for name in (NAMESPACE, TOKEN) if not data.get(name)}
    if bundle and data.get(CA) != encoded(bundle):
        found.add(CA)
    return found


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def claims(secret: Secret, account: ServiceAccount) -> dict[str, Any]:
    """What the token says."""
    namespace, name = secret.metadata.namespace, account.metadata.name
    prefix = "kubernetes.io/serviceaccount/"
    return {
        "iss": ISSUER,
        prefix + "namespace": namespace,
        prefix + "secret.name": secret.metadata.name,
        prefix + "service-account.name": name,
        prefix + "service-account.uid": account.metadata.uid,
        "sub": f"system:serviceaccount:{namespace}:{name}",
    }
