"""Service account tokens: signing, verifying, and dying with what they are bound to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.authn.chain import ANONYMOUS, Chain
from kubelite.apiserver.authn.claims import Bound
from kubelite.apiserver.authn.jwt import InvalidToken, Signer, Verifier, load_public_keys
from kubelite.apiserver.authn.serviceaccount import ServiceAccountTokens
from kubelite.apiserver.authn.x509 import ClientCertificate, user_of
from kubelite.apiserver.request import Request, UserInfo
from kubelite.machinery.errors import StatusError
from kubelite.machinery.times import now_text
from kubelite.util import tls
from kubelite.util.clock import FakeClock

ISSUER = "https://kubernetes.default.svc.cluster.local"


class World(dict[tuple[str, str, str], ObjectMeta]):
    """Live objects by (resource, namespace, name)."""

    def metadata(self, resource: str, namespace: str, name: str) -> ObjectMeta | None:
        return self.get((resource, namespace, name))

    def body(self, resource: str, namespace: str, name: str) -> bytes | None:
        found = self.metadata(resource, namespace, name)
        return None if found is None else msgspec.json.encode({"metadata": found})


def rsa_pem() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
def world() -> World:
    return World(
        {
            ("serviceaccounts", "default", "web"): ObjectMeta(name="web", uid="sa-1"),
            ("pods", "default", "pod"): ObjectMeta(name="pod", uid="pod-1"),
        }
    )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2030, 1, 1, tzinfo=UTC))


def tokens(world: World, clock: FakeClock, pem: bytes | None = None) -> ServiceAccountTokens:
    signer = Signer(pem or tls.new_key())
    return ServiceAccountTokens(
        issuer=ISSUER,
        audiences=[ISSUER],
        signer=signer,
        verifier=Verifier([signer.public]),
        lookup=world,
        clock=clock,
    )


def issue(accounts: ServiceAccountTokens, bound: Bound | None = None, audiences: tuple[str, ...] = ()) -> str:
    return accounts.issue("default", "web", "sa-1", audiences=audiences, seconds=600, bound=bound)[0]


@pytest.mark.parametrize("pem", [tls.new_key(), rsa_pem()], ids=["ES256", "RS256"])
def test_an_issued_token_names_its_account(pem: bytes, world: World, clock: FakeClock) -> None:
    accounts = tokens(world, clock, pem)
    found = accounts.user(issue(accounts))
    assert found is not None
    user, audiences = found
    assert user.name == "system:serviceaccount:default:web"
    assert user.uid == "sa-1"
    assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated")
    assert audiences == [ISSUER]


def test_a_changed_token_is_refused(world: World, clock: FakeClock) -> None:
    accounts = tokens(world, clock)
    head, body, signature = issue(accounts).split(".")
    with pytest.raises(InvalidToken):
        accounts.user(f"{head}.{body}.{'A' * len(signature)}")


def test_a_token_of_another_key_is_refused(world: World, clock: FakeClock) -> None:
    with pytest.raises(InvalidToken):
        tokens(world, clock).user(issue(tokens(world, clock)))


async def test_a_token_expires(world: World, clock: FakeClock) -> None:
    accounts = tokens(world, clock)
    token = issue(accounts)
    await clock.advance(601)
    with pytest.raises(InvalidToken, match="expired"):
        accounts.user(token)


def test_a_token_for_others_is_not_for_this_server(world: World, clock: FakeClock) -> None:
    accounts = tokens(world, clock)
    token = issue(accounts, audiences=("vault",))
    with pytest.raises(InvalidToken):
        accounts.user(token)
    found = accounts.user(token, ["vault", "x"])
    assert found is not None and found[1] == ["vault"]


@pytest.mark.parametrize("gone", [("serviceaccounts", "default", "web"), ("pods", "default", "pod")])
def test_a_bound_token_dies_with_its_account_and_pod(
    gone: tuple[str, str, str], world: World, clock: FakeClock
) -> None:
    accounts = tokens(world, clock)
    token = issue(accounts, Bound("Pod", "pod", "pod-1", "node-a", "node-1"))
    found = accounts.user(token)
    assert found is not None
    assert found[0].extra["authentication.kubernetes.io/pod-name"] == ("pod",)
    assert found[0].extra["authentication.kubernetes.io/node-name"] == ("node-a",)
    before = world.pop(gone)
    with pytest.raises(InvalidToken):
        accounts.user(token)
    world[gone] = ObjectMeta(name=before.name, uid="another")
    with pytest.raises(InvalidToken):
        accounts.user(token)


def test_a_token_outlives_the_deletion_of_its_pod_by_a_minute(world: World, clock: FakeClock) -> None:
    accounts = tokens(world, clock)
    token = issue(accounts, Bound("Pod", "pod", "pod-1"))
    world["pods", "default", "pod"].deletionTimestamp = now_text(clock.now() - timedelta(seconds=30))
    assert accounts.user(token) is not None
    world["pods", "default", "pod"].deletionTimestamp = now_text(clock.now() - timedelta(seconds=90))
    with pytest.raises(InvalidToken):
        accounts.user(token)


def test_the_key_set_document_shows_public_parts_only() -> None:
    signer = Signer(tls.new_key())
    (shown,) = Verifier([signer.public]).jwks()["keys"]
    assert set(shown) == {"use", "kid", "alg", "kty", "crv", "x", "y"}


def test_keys_are_read_from_private_and_public_files() -> None:
    private = tls.new_key()
    both = load_public_keys(private + tls.public_key(private))
    assert [key.kid for key in both] == [Signer(private).public.kid] * 2


def chain(world: World, clock: FakeClock, *, anonymous: bool = True) -> tuple[Chain, ServiceAccountTokens]:
    accounts = tokens(world, clock)
    static = {"s3cret": UserInfo("ann", "7", ("ops", "system:authenticated"))}
    return Chain(
        certificates=ClientCertificate(), static_tokens=static, accounts=accounts, anonymous=anonymous
    ), accounts


def with_token(token: str) -> Request:
    return Request("GET", "/api", headers={"authorization": f"Bearer {token}"})


def test_the_chain_knows_static_and_account_tokens(world: World, clock: FakeClock) -> None:
    both, accounts = chain(world, clock)
    ann, web = both.authenticate(with_token("s3cret")), both.authenticate(with_token(issue(accounts)))
    assert ann is not None and ann.name == "ann"
    assert web is not None and web.name == "system:serviceaccount:default:web"


def test_a_bad_token_is_refused_even_where_anonymous_is_welcome(world: World, clock: FakeClock) -> None:
    both, _ = chain(world, clock)
    for bad in ("nonsense", "a.b.c", "ä.ö.ü"):
        with pytest.raises(StatusError) as found:
            both.authenticate(with_token(bad))
        assert found.value.status() == {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "Unauthorized",
            "reason": "Unauthorized",
            "code": 401,
        }


def test_no_credentials_make_an_anonymous_user_or_a_refusal(world: World, clock: FakeClock) -> None:
    assert chain(world, clock)[0].authenticate(Request("GET", "/api")) == ANONYMOUS
    with pytest.raises(StatusError):
        chain(world, clock, anonymous=False)[0].authenticate(Request("GET", "/api"))


def test_a_client_certificate_names_user_and_groups() -> None:
    pair = tls.Authority.create("ca").issue_client("jane", ["dev", "ops"])
    der = _der(pair.certificate)
    user = user_of(der)
    assert user is not None
    assert (user.name, user.groups) == ("jane", ("dev", "ops", "system:authenticated"))


def _der(pem: bytes) -> bytes:
    from cryptography import x509

    return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
