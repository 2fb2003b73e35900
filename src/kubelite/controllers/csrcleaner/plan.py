"""How long a certificate request is kept: pure.

What: `seconds_left(request, now)`. Why: requests are written often, and of no use once their certificate was fetched.
Source: pkg/controller/certificates/cleaner/cleaner.go.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta

from kubelite.api.certificates import pem
from kubelite.api.certificates.certificate_signing_request import APPROVED, DENIED, FAILED
from kubelite.api.types.certificates_v1 import CertificateSigningRequest
from kubelite.machinery import times

ISSUED_KEPT = timedelta(hours=1)
DECIDED_KEPT = timedelta(hours=1)
PENDING_KEPT = timedelta(hours=24)


def seconds_left(request: CertificateSigningRequest, now: datetime) -> float | None:
    """Seconds until the request may go, not above 0 if it may go now; None while it waits for its signer."""
    ends: list[datetime] = []
    conditions = request.status.conditions
    if not conditions and request.metadata.creationTimestamp is not None:
        ends.append(times.parse(request.metadata.creationTimestamp) + PENDING_KEPT)
    for condition in conditions:
        if condition.lastUpdateTime is None:
            continue
        moment = times.parse(condition.lastUpdateTime)
        if condition.type in (DENIED, FAILED):
            ends.append(moment + DECIDED_KEPT)
        elif condition.type == APPROVED and request.status.certificate:
            ends.append(moment + ISSUED_KEPT)
            expires = _expires(request.status.certificate)
            if expires is not None:
                ends.append(expires)
    return (min(ends) - now).total_seconds() if ends else None


def _expires(text: str) -> datetime | None:
    """When the certificate ends; None for one that cannot be read."""
    from cryptography import x509

    try:
        found = pem.blocks(base64.b64decode(text))
        return x509.load_der_x509_certificate(found[0].content).not_valid_after_utc if found else None
    except (binascii.Error, ValueError):
        return None
