"""What becomes of a certificate request."""

from __future__ import annotations

import pathlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from kubelite.api.types.certificates_v1 import CertificateSigningRequest
from kubelite.controllers.certificaterequests import CLIENT, SIGNERS
from kubelite.controllers.csrsigning.authority import Authority
from kubelite.controllers.csrsigning.plan import Fail, Leave, lifetime, plan
from kubelite.controllers.csrsigning.settings import authorities
from kubelite.controllers.server import Config
from kubelite.machinery import codec
from kubelite.util import tls

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("asked", "given"), [(None, DAY), (3600, timedelta(hours=1)), (10**9, DAY), (5, timedelta(minutes=10))]
)
def test_a_certificate_lives_as_long_as_asked_within_bounds(asked: int | None, given: timedelta):
    assert lifetime(asked, DAY) == given


def approved(**status: Any) -> CertificateSigningRequest:
    conditions = [{"type": "Approved", "status": "True"}, *status.pop("more", [])]
    document = {"spec": {"request": "", "signerName": CLIENT}, "status": {"conditions": conditions, **status}}
    made: CertificateSigningRequest = codec.from_generic(document, CertificateSigningRequest)
    return made


def test_what_is_decided_is_left_alone_and_what_cannot_be_read_fails():
    assert plan(approved()) == Fail("PEM block type must be CERTIFICATE REQUEST")
    assert plan(approved(certificate="eA==")) == Leave()
    assert plan(approved(more=[{"type": "Failed", "status": "True"}])) == Leave()
    assert plan(approved(more=[{"type": "Denied", "status": "True"}])) == Leave()


@pytest.fixture
def files(tmp_path: pathlib.Path) -> tuple[str, str]:
    tls.Authority.load_or_create(tmp_path / "ca.crt", tmp_path / "ca.key", "ca")
    return str(tmp_path / "ca.crt"), str(tmp_path / "ca.key")


def test_one_authority_serves_all_signers_or_each_has_its_own(files: tuple[str, str]):
    certificate, key = files
    assert authorities(Config()) == {}
    common = authorities(Config(cluster_signing_cert_file=certificate, cluster_signing_key_file=key))
    assert sorted(common) == sorted(SIGNERS)
    assert len(set(common.values())) == 1
    own = Config(cluster_signing_legacy_unknown_cert_file=certificate, cluster_signing_legacy_unknown_key_file=key)
    assert list(authorities(own)) == ["kubernetes.io/legacy-unknown"]


def test_flags_that_contradict_each_other_and_half_pairs_are_refused(files: tuple[str, str]):
    with pytest.raises(ValueError, match="at the same time"):
        authorities(Config(cluster_signing_cert_file="a", cluster_signing_kubelet_client_key_file="b"))
    with pytest.raises(ValueError, match="needs both files"):
        authorities(Config(cluster_signing_kubelet_serving_cert_file=files[0]))


def sign(certificate: str, key: str, now: datetime) -> bytes:
    return Authority(certificate, key).sign(SimpleNamespace(request=None), [], DAY, now)  # type: ignore[arg-type]


def test_files_that_are_missing_or_no_pair_are_refused(files: tuple[str, str], tmp_path: pathlib.Path):
    with pytest.raises(FileNotFoundError):
        Authority(files[0], str(tmp_path / "none.key"))
    (tmp_path / "other.key").write_bytes(tls.new_key())
    with pytest.raises(ValueError, match="is not the key of"):
        sign(files[0], str(tmp_path / "other.key"), datetime.now(UTC))


def test_an_authority_that_has_expired_signs_nothing(files: tuple[str, str]):
    late = tls.expires(pathlib.Path(files[0]).read_bytes()) + DAY
    with pytest.raises(ValueError, match="refusing to sign a certificate that expired in the past"):
        sign(*files, late)
