"""The ConfigMap with the cluster's CA certificate, as a namespace should have it: pure.

Source: pkg/controller/certificates/rootcacertpublisher.
"""

from __future__ import annotations

import copy

from kubelite.api.types.core_v1 import ConfigMap

MAP = "kube-root-ca.crt"
KEY = "ca.crt"
DESCRIPTION = "kubernetes.io/description"
TEXT = "The CA bundle with which pods verify the API server at its addresses inside the cluster."


def wanted(present: ConfigMap | None, namespace: str, bundle: str) -> ConfigMap | None:
    """What to write in place of `present`; None if that is as it should be."""
    data = {KEY: bundle}
    if present is None:
        made = ConfigMap(data=data)
        made.metadata.name, made.metadata.namespace = MAP, namespace
        made.metadata.annotations = {DESCRIPTION: TEXT}
        return made
    if present.data == data:
        return None
    changed = copy.copy(present)
    changed.data, changed.binaryData = data, {}
    return changed
