"""Removes certificate requests that nobody needs any more.

Flow: request → `plan.seconds_left` → delete, or again when its time has come. Source: pkg/controller/certificates/cleaner.
"""

from __future__ import annotations

from kubelite.api.certificates.certificate_signing_request import CERTIFICATE_SIGNING_REQUEST
from kubelite.api.types.certificates_v1 import CertificateSigningRequest
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Informer
from kubelite.controllers.context import Context
from kubelite.controllers.csrcleaner.plan import seconds_left
from kubelite.machinery.errors import StatusError

NAME = "certificatesigningrequest-cleaner-controller"


class CleanerController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._requests: Informer[CertificateSigningRequest] = context.informers.get(CERTIFICATE_SIGNING_REQUEST)
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._requests)

    async def run(self) -> None:
        await self.loop.run(self._requests)

    async def reconcile(self, key: str) -> Result | None:
        """Delete one request if its time has come."""
        request = self._requests.get(key)
        left = seconds_left(request, self._clock.now()) if request is not None else None
        if request is None or left is None:
            return None
        if left > 0:
            return Result(left + 1)
        options = DeleteOptions(preconditions=Preconditions(uid=request.metadata.uid))
        try:
            await self._client.delete(CERTIFICATE_SIGNING_REQUEST, key, options=options)
        except StatusError as error:
            if error.code not in (404, 409):
                raise
        return None
