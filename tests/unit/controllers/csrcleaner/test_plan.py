"""How long a certificate request is kept."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubelite.api.types.certificates_v1 import CertificateSigningRequest
from kubelite.controllers.csrcleaner.plan import seconds_left
from kubelite.machinery import codec, times
from kubelite.util import tls

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def request(age: timedelta, *conditions: str, certificate: bytes = b"") -> CertificateSigningRequest:
    then = times.now_text(NOW - age)
    status: dict[str, Any] = {
        "conditions": [{"type": type_, "status": "True", "lastUpdateTime": then} for type_ in conditions],
        "certificate": base64.b64encode(certificate).decode(),
    }
    made: CertificateSigningRequest = codec.from_generic(
        {"metadata": {"name": "r", "creationTimestamp": then}, "status": status}, CertificateSigningRequest
    )
    return made


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("age", "conditions", "certificate", "left"),
    [
        (HOUR, (), b"", 23 * 3600.0),
        (25 * HOUR, (), b"", -3600.0),
        (HOUR / 2, ("Denied",), b"", 1800.0),
        (HOUR * 2, ("Approved", "Failed"), b"", -3600.0),
        (100 * HOUR, ("Approved",), b"", None),
        (HOUR / 2, ("Approved",), b"unreadable", 1800.0),
    ],
)
def test_a_request_is_kept_until(age: timedelta, conditions: tuple[str, ...], certificate: bytes, left: float | None):
    assert seconds_left(request(age, *conditions, certificate=certificate), NOW) == left


def test_a_request_whose_certificate_has_expired_goes_at_once():
    certificate = tls.Authority.create("ca").pair.certificate
    far = tls.expires(certificate) + timedelta(seconds=5)
    made = request(timedelta(), "Approved", certificate=certificate)
    made.status.conditions[0].lastUpdateTime = times.now_text(far)
    assert seconds_left(made, far) == pytest.approx(-5, abs=1)
