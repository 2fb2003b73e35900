"""Approves the requests of nodes for their own client certificates.

Flow: an undecided request → `plan.permissions` → SubjectAccessReview for the requester → condition Approved. What nobody
recognizes is left to people. Source: pkg/controller/certificates/approver.
"""

from __future__ import annotations

from kubelite.api.authorization.reviews import SUBJECT_ACCESS_REVIEW
from kubelite.api.certificates.certificate_signing_request import APPROVED, CERTIFICATE_SIGNING_REQUEST
from kubelite.api.types.authorization_v1 import ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec
from kubelite.api.types.certificates_v1 import CertificateSigningRequest, CertificateSigningRequestCondition
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Informer
from kubelite.controllers import certificaterequests as rules
from kubelite.controllers.context import Context
from kubelite.controllers.csrapproving import plan
from kubelite.machinery import codec, times
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

NAME = "certificatesigningrequest-approving-controller"
log = get_logger(__name__)


class ApprovingController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._requests: Informer[CertificateSigningRequest] = context.informers.get(CERTIFICATE_SIGNING_REQUEST)
        self.loop = Controller(NAME, self.reconcile, workers=3, observe=context.observe)
        self.loop.watch(self._requests)

    async def run(self) -> None:
        await self.loop.run(self._requests)

    async def reconcile(self, key: str) -> Result | None:
        """Approve one request if its requester may have it."""
        request = self._requests.get(key)
        if request is None or not plan.is_open(request):
            return None
        try:
            tried = plan.permissions(request, rules.parse(request.spec.request))
        except rules.Unreadable as error:
            log.warning("A certificate request cannot be read", request=key, error=error)
            return None
        for permission in tried:
            if await self._may(request, permission.subresource):
                await self._approve(request, permission.message)
                return None
        if tried:
            log.info("A certificate request waits for a person: its requester lacks the right", request=key)
        return None

    async def _may(self, request: CertificateSigningRequest, subresource: str) -> bool:
        spec = request.spec
        kind = CERTIFICATE_SIGNING_REQUEST
        attributes = ResourceAttributes(
            group=kind.group, version="*", resource=kind.plural, subresource=subresource, verb="create"
        )
        review = SubjectAccessReview(
            spec=SubjectAccessReviewSpec(
                user=spec.username, uid=spec.uid, groups=spec.groups, extra=spec.extra, resourceAttributes=attributes
            )
        )
        answer = await self._client.create(SUBJECT_ACCESS_REVIEW, review)
        return bool(answer.status.allowed)

    async def _approve(self, request: CertificateSigningRequest, message: str) -> None:
        changed = codec.clone(request)
        condition = CertificateSigningRequestCondition(
            type=APPROVED, status="True", reason="AutoApproved", message=message
        )
        condition.lastUpdateTime = times.now_text(self._clock.now())
        changed.status.conditions.append(condition)
        try:
            await self._client.update(CERTIFICATE_SIGNING_REQUEST, changed, subresource="approval")
        except StatusError as error:
            if error.code != 404:
                raise
