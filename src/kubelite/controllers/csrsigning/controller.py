"""Signs approved certificate requests with the cluster's authority.

Flow: an approved request of a signer that has an authority → `plan` → certificate, or the condition Failed. Without the files of
an authority its requests are left to another signer. Source: pkg/controller/certificates/signer.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta

from kubelite.api.certificates.certificate_signing_request import CERTIFICATE_SIGNING_REQUEST, FAILED
from kubelite.api.types.certificates_v1 import CertificateSigningRequest, CertificateSigningRequestCondition
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Informer
from kubelite.controllers.context import Context
from kubelite.controllers.csrsigning.authority import Authority
from kubelite.controllers.csrsigning.plan import Fail, Leave, lifetime, plan
from kubelite.machinery import codec, times
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

NAME = "certificatesigningrequest-signing-controller"
log = get_logger(__name__)


class SigningController:
    """`authorities` by the name of the signer; `longest` is the lifetime of a certificate that does not ask for less."""

    def __init__(self, context: Context, authorities: Mapping[str, Authority], longest: timedelta) -> None:
        self._client = context.client
        self._clock = context.clock
        self._authorities = authorities
        self._longest = longest
        self._requests: Informer[CertificateSigningRequest] = context.informers.get(CERTIFICATE_SIGNING_REQUEST)
        self.loop = Controller(NAME, self.reconcile, workers=3, observe=context.observe)
        self.loop.watch(self._requests)

    async def run(self) -> None:
        await self.loop.run(self._requests)

    async def reconcile(self, key: str) -> Result | None:
        """Sign one request, or say why not."""
        request = self._requests.get(key)
        authority = self._authorities.get(request.spec.signerName) if request is not None else None
        if request is None or authority is None:
            return None
        action = plan(request)
        if isinstance(action, Leave):
            return None
        changed = codec.clone(request)
        now = self._clock.now()
        if isinstance(action, Fail):
            condition = CertificateSigningRequestCondition(
                type=FAILED, status="True", reason="SignerValidationFailure", message=action.why
            )
            condition.lastUpdateTime = times.now_text(now)
            changed.status.conditions.append(condition)
        else:
            life = lifetime(request.spec.expirationSeconds, self._longest)
            certificate = authority.sign(action.wanted, request.spec.usages, life, now)
            changed.status.certificate = base64.b64encode(certificate).decode()
            log.info("Certificate signed", request=key, signer=request.spec.signerName)
        try:
            await self._client.update(CERTIFICATE_SIGNING_REQUEST, changed, subresource="status")
        except StatusError as error:
            if error.code != 404:
                raise
        return None
