"""What becomes of an approved certificate request: pure.

What: `plan(request)` says sign, fail or leave alone; `lifetime` how long the certificate lives.
Source: pkg/controller/certificates/signer/signer.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from kubelite.api.certificates.certificate_signing_request import APPROVED, DENIED, FAILED
from kubelite.api.types.certificates_v1 import CertificateSigningRequest
from kubelite.controllers import certificaterequests as rules

SHORTEST = timedelta(seconds=600)


@dataclass(frozen=True, slots=True)
class Sign:
    """Sign what is wanted."""

    wanted: rules.Wanted


@dataclass(frozen=True, slots=True)
class Fail:
    """Say why it will never be signed."""

    why: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing to do."""


def is_approved(request: CertificateSigningRequest) -> bool:
    """Approved and not denied."""
    types = {condition.type for condition in request.status.conditions}
    return APPROVED in types and DENIED not in types


def plan(request: CertificateSigningRequest) -> Sign | Fail | Leave:
    """What to do for one request of a signer that is ours."""
    failed = any(one.type == FAILED and one.status == "True" for one in request.status.conditions)
    if request.status.certificate or failed or not is_approved(request):
        return Leave()
    try:
        wanted = rules.parse(request.spec.request)
    except rules.Unreadable as error:
        return Fail(str(error))
    why = rules.wrong_for(request.spec.signerName, wanted, request.spec.usages)
    return Fail(why) if why else Sign(wanted)


def lifetime(asked: int | None, longest: timedelta) -> timedelta:
    """As long as asked for, but not below ten minutes nor above what the signer gives."""
    if asked is None:
        return longest
    return max(min(timedelta(seconds=asked), longest), SHORTEST)
