"""Who a client certificate names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kubelite.apiserver.authn.x509 import UID, user_of

KEY = ec.generate_private_key(ec.SECP256R1())
UID_ATTRIBUTE = x509.ObjectIdentifier(UID)


def certificate(*uids: str) -> bytes:
    """Of user `ann` in group `team`."""
    names = [x509.NameAttribute(NameOID.COMMON_NAME, "ann"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "team")]
    names += [x509.NameAttribute(UID_ATTRIBUTE, uid) for uid in uids]
    subject, now = x509.Name(names), datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(KEY.public_key())
    builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("uids", [(), ("u-1",)])
def test_a_certificate_names_user_groups_and_perhaps_a_uid(uids: tuple[str, ...]) -> None:
    user = user_of(certificate(*uids))
    assert user is not None
    assert (user.name, user.uid, user.groups) == ("ann", "".join(uids), ("team", "system:authenticated"))


def test_a_certificate_with_two_uids_names_nobody() -> None:
    assert user_of(certificate("u-1", "u-2")) is None
