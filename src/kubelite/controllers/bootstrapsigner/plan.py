"""The signatures that ConfigMap cluster-info should carry: pure.

What: `data(present, secrets, now)`. Why: who joins knows a token but not the cluster's CA; the signature shows that both belong
together. Source: pkg/controller/bootstrap/bootstrapsigner.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from kubelite.api.types.core_v1 import Secret
from kubelite.controllers.bootstraptokens import signing_key
from kubelite.util import jws

KUBECONFIG = "kubeconfig"
SIGNATURE = "jws-kubeconfig-"


def data(present: Mapping[str, str], secrets: Iterable[Secret], now: datetime) -> dict[str, str]:
    """The data with a signature for each token that may sign, and no others."""
    wanted = {key: text for key, text in present.items() if not key.startswith(SIGNATURE)}
    content = present.get(KUBECONFIG)
    if content is None:
        return dict(present)  # nothing to sign
    for secret in secrets:
        key = signing_key(secret, now)
        if key is not None:
            wanted[SIGNATURE + key[0]] = jws.detached(content.encode(), *key)
    return wanted
