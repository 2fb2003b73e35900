"""The stored forms: they open again, bind to their place, and are those of upstream."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.apiserver.encryption.ciphers import AesCbc, AesGcm, Identity, SecretBox, Undecryptable
from kubelite.apiserver.encryption.config import Key
from kubelite.apiserver.encryption.store import Chain

KEY = Key(name="one", secret=base64.b64encode(bytes(range(32))).decode())
OTHER = Key(name="two", secret=base64.b64encode(b"o" * 32).decode())
MAKERS = [AesGcm, AesCbc, SecretBox]
PLACE = "/registry/secrets/a/b"


@pytest.mark.parametrize("make", MAKERS)
@given(value=st.binary(max_size=100))
def test_what_is_encrypted_opens_again(make: type[AesGcm], value: bytes) -> None:
    chain = Chain([make(KEY), Identity()])
    stored = chain.encrypt(value, PLACE)
    assert stored.startswith(b"k8s:enc:") and b":v1:one:" in stored
    assert chain.decrypt(stored, PLACE) == value
    assert not chain.is_stale(stored)


@pytest.mark.parametrize("make", [AesGcm, SecretBox])
def test_changed_data_is_refused(make: type[AesGcm]) -> None:
    chain = Chain([make(KEY)])
    stored = bytearray(chain.encrypt(b"value", PLACE))
    stored[-1] ^= 1
    with pytest.raises(Undecryptable):
        chain.decrypt(bytes(stored), PLACE)


def test_a_value_moved_to_another_place_is_refused() -> None:
    chain = Chain([AesGcm(KEY)])
    with pytest.raises(Undecryptable):
        chain.decrypt(chain.encrypt(b"value", PLACE), "/registry/secrets/a/other")


def test_a_second_key_reads_and_its_values_are_stale() -> None:
    old, new = Chain([AesGcm(OTHER)]), Chain([AesGcm(KEY), AesGcm(OTHER), Identity()])
    stored = old.encrypt(b"value", PLACE)
    assert new.decrypt(stored, PLACE) == b"value"
    assert new.is_stale(stored)
    assert new.decrypt(b"plain", PLACE) == b"plain"
    assert new.is_stale(b"plain")


def test_identity_does_not_pass_on_what_is_encrypted() -> None:
    stored = Chain([AesGcm(OTHER)]).encrypt(b"value", PLACE)
    plain = Chain([Identity()])
    with pytest.raises(Undecryptable, match="no matching prefix found"):
        plain.decrypt(stored, PLACE)
    assert plain.is_stale(stored)


def test_secretbox_is_the_known_construction() -> None:
    """A box sealed elsewhere with this key opens: XSalsa20-Poly1305 with the nonce in front."""
    from nacl.bindings import crypto_secretbox

    nonce = bytes(24)
    sealed = crypto_secretbox(b"known", nonce, bytes(range(32)))
    assert Chain([SecretBox(KEY)]).decrypt(b"k8s:enc:secretbox:v1:one:" + nonce + sealed, PLACE) == b"known"
