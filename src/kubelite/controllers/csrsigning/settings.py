"""Which authority signs for which signer, by the flags.

What: `authorities(settings)`. Why: one pair of files for all signers, or a pair for each; both at once would leave it open
which is meant. Source: cmd/kube-controller-manager/app/certificates.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.controllers import certificaterequests as rules
from kubelite.controllers.csrsigning.authority import Authority

BOTH = "cannot specify --cluster-signing-{cert,key}-file and other --cluster-signing-*-file flags at the same time"


def authorities(settings: Any) -> dict[str, Authority]:
    """Signer → authority, for those that have one. Raises ValueError and OSError for flags and files that are wrong."""
    common = (settings.cluster_signing_cert_file, settings.cluster_signing_key_file)
    own = {
        rules.KUBELET_SERVING: (
            settings.cluster_signing_kubelet_serving_cert_file,
            settings.cluster_signing_kubelet_serving_key_file,
        ),
        rules.KUBELET_CLIENT: (
            settings.cluster_signing_kubelet_client_cert_file,
            settings.cluster_signing_kubelet_client_key_file,
        ),
        rules.CLIENT: (
            settings.cluster_signing_kube_apiserver_client_cert_file,
            settings.cluster_signing_kube_apiserver_client_key_file,
        ),
        rules.LEGACY: (
            settings.cluster_signing_legacy_unknown_cert_file,
            settings.cluster_signing_legacy_unknown_key_file,
        ),
    }
    if any(common):
        if any(any(pair) for pair in own.values()):
            raise ValueError(BOTH)
        own = dict.fromkeys(own, common)
    made: dict[tuple[str, str], Authority] = {}
    found: dict[str, Authority] = {}
    for signer, pair in own.items():
        if not any(pair):
            continue
        if not all(pair):
            raise ValueError(f"the authority of {signer} needs both files, a certificate and a key")
        found[signer] = made.get(pair) or made.setdefault(pair, Authority(*pair))
    return found
