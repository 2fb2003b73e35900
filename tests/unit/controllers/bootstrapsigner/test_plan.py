"""Which tokens sign, and how long they hold."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from kubelite.api.types.core_v1 import Secret
from kubelite.controllers.bootstrapsigner import plan
from kubelite.controllers.bootstraptokens import seconds_left, signing_key
from kubelite.machinery import codec

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-signing": "true"}


def secret(name: str = "bootstrap-token-abcdef", **change: str) -> Secret:
    data = {**GOOD, **{key.replace("_", "-"): text for key, text in change.items()}}
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    made: Secret = codec.from_generic({"metadata": {"name": name}, "data": encoded}, Secret)
    return made


@pytest.mark.parametrize(
    ("one", "signs"),
    [
        (secret(), True),
        (secret(expiration="2026-01-01T00:00:01+00:00"), True),
        (secret(expiration="2026-01-01T00:00:00Z"), False),
        (secret(expiration="tomorrow"), False),
        (secret(name="bootstrap-token-other"), False),
        (secret(token_secret=""), False),
        (secret(usage_bootstrap_signing="false"), False),
    ],
)
def test_which_tokens_sign(one: Secret, signs: bool):
    assert (signing_key(one, NOW) is not None) is signs


def test_a_token_without_an_end_never_expires():
    assert seconds_left(secret(), NOW) is None
    assert seconds_left(secret(expiration="2026-01-01T01:00:00"), NOW) == 0


def test_old_signatures_go_and_signing_twice_changes_nothing():
    present = {"kubeconfig": "x", "jws-kubeconfig-gone": "old", "note": "kept"}
    once = plan.data(present, [secret()], NOW)
    assert once.keys() == {"kubeconfig", "note", "jws-kubeconfig-abcdef"}
    assert plan.data(once, [secret()], NOW) == once
    assert plan.data({"note": "kept"}, [secret()], NOW) == {"note": "kept"}
