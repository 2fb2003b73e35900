"""Which audiences a kubelet may ask tokens for: those that its pod's volumes name, and those that a rule allows by name.

What: `AudienceRestriction`, asked by NodeRestriction for each token request of a node. Why: a kubelet that was broken into
must not get its pods' tokens for services that the pods never talk to. Flow: pod → audiences of its projected volumes and of
the CSI drivers that it mounts (inline, or by claim → volume → driver) → otherwise the authorizer, asked for `VERB`.
Source: plugin/pkg/admission/noderestriction, feature ServiceAccountNodeAudienceRestriction.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubelite.api.types.authentication_v1 import TokenRequest
from kubelite.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim, Pod
from kubelite.api.types.storage_v1 import CSIDriver
from kubelite.apiserver.admission.plugin import denied
from kubelite.apiserver.lookup import Lookup
from kubelite.apiserver.request import AdmissionRequest, Attributes, Authorizer

VERB = "request-serviceaccounts-token-audience"


class AudienceRestriction:
    """Judges the audience of a node's token request."""

    def __init__(self, lookup: Lookup, authorizer: Authorizer) -> None:
        self._lookup = lookup
        self._authorizer = authorizer

    async def check(self, request: AdmissionRequest, pod: Pod) -> None:
        """Raises 403 if neither the pod's volumes nor a rule name the audience that is asked for."""
        asked: TokenRequest = request.object
        if len(asked.spec.audiences) > 1:
            raise denied(request, "node may only request 0 or 1 audiences")
        audience = asked.spec.audiences[0] if asked.spec.audiences else ""
        if audience in projected(pod) or audience in self._of_drivers(pod):
            return
        attributes = Attributes(VERB, namespace=request.namespace, version="v1", resource=audience, name=request.name)
        assert request.user is not None
        decision = self._authorizer.authorize(request.user, attributes)
        if not (decision if isinstance(decision, tuple) else await decision)[0]:
            raise denied(request, f'audience "{audience}" not found in pod spec volume')

    def _of_drivers(self, pod: Pod) -> Iterator[str]:
        for name in self._drivers(pod):
            driver = self._lookup.get("csidrivers", "", name, CSIDriver, "storage.k8s.io")
            if driver is not None:
                yield from (request.audience for request in driver.spec.tokenRequests)

    def _drivers(self, pod: Pod) -> Iterator[str]:
        namespace = pod.metadata.namespace
        for volume in pod.spec.volumes:
            if volume.csi is not None:
                yield volume.csi.driver
            claimed = ""
            if volume.ephemeral is not None:
                claimed = f"{pod.metadata.name}-{volume.name}"
            elif volume.persistentVolumeClaim is not None:
                claimed = volume.persistentVolumeClaim.claimName
            claim = self._lookup.get("persistentvolumeclaims", namespace, claimed, PersistentVolumeClaim)
            if claim is None or not claim.spec.volumeName:
                continue
            bound = self._lookup.get("persistentvolumes", "", claim.spec.volumeName, PersistentVolume)
            if bound is not None and bound.spec.csi is not None:
                yield bound.spec.csi.driver


def projected(pod: Pod) -> set[str]:
    """The audiences of the pod's projected tokens; the empty one is the API server's own."""
    return {
        source.serviceAccountToken.audience
        for volume in pod.spec.volumes
        if volume.projected is not None
        for source in volume.projected.sources
        if source.serviceAccountToken is not None
    }
