"""Certificates API: requests are approved where that is safe, signed by the cluster's authority, and removed in time."""

from __future__ import annotations

import base64
import ipaddress
import pathlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kubelite.util import tls
from kubelite.util.clock import SystemClock
from tests.apienv import ADMIN_TOKEN
from tests.integration.controllers.manager import World, eventually, running

PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
APPROVING = "certificatesigningrequest-approving-controller"
SIGNING = "certificatesigningrequest-signing-controller"
CLEANING = "certificatesigningrequest-cleaner-controller"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
CLIENT_USAGES = ["digital signature", "client auth"]


def request(name: str = "jane", organization: str = "team", names: list[Any] | None = None) -> str:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)]
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


async def ask(world: World, name: str, signer: str, body: str, usages: list[str], **more: Any) -> Any:
    spec = {"request": body, "signerName": signer, "usages": usages, **more}
    return await world.create(PATH, {"metadata": {"name": name}, "spec": spec})


async def approve(world: World, name: str) -> None:
    condition = {"type": "Approved", "status": "True", "reason": "ByTest", "message": "it is a test"}
    reply = await world.api.patch(f"{PATH}/{name}/approval", {"status": {"conditions": [condition]}})
    assert reply.status == 200, reply.body


async def signed(world: World, name: str) -> x509.Certificate:
    async def issued() -> str:
        found = await world.get(f"{PATH}/{name}")
        return str(found["status"].get("certificate", ""))

    return x509.load_pem_x509_certificate(base64.b64decode(await eventually(issued)))


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> dict[str, str]:
    """The flags of an authority."""
    tls.Authority.load_or_create(tmp_path / "ca.crt", tmp_path / "ca.key", "test-ca")
    return {
        "cluster_signing_cert_file": str(tmp_path / "ca.crt"),
        "cluster_signing_key_file": str(tmp_path / "ca.key"),
    }


async def test_an_approved_request_of_a_client_is_signed_by_the_authority(authority: dict[str, str]):
    async with running(SIGNING, **authority) as world:
        await ask(world, "r", "kubernetes.io/kube-apiserver-client", request(), CLIENT_USAGES, expirationSeconds=3600)
        await approve(world, "r")
        found = await signed(world, "r")
        ca = x509.load_pem_x509_certificate(pathlib.Path(authority["cluster_signing_cert_file"]).read_bytes())
        found.verify_directly_issued_by(ca)
        assert found.subject.rfc4514_string() == "CN=jane,O=team"
        assert list(found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
            ExtendedKeyUsageOID.CLIENT_AUTH
        ]
        assert found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
        assert found.not_valid_after_utc - found.not_valid_before_utc == timedelta(seconds=3600, minutes=5)


async def test_nothing_is_signed_before_it_is_approved_nor_for_another_signer(authority: dict[str, str]):
    async with running(SIGNING, **authority) as world:
        await ask(world, "foreign", "example.com/mine", request(), ["any"])
        await approve(world, "foreign")
        await ask(world, "open", "kubernetes.io/kube-apiserver-client", request(), CLIENT_USAGES)
        await ask(world, "done", "kubernetes.io/kube-apiserver-client", request(), CLIENT_USAGES)
        await approve(world, "done")
        await signed(world, "done")
        for name in ("foreign", "open"):
            assert "certificate" not in (await world.get(f"{PATH}/{name}"))["status"]


SERVING = ["digital signature", "server auth"]
NODE = ("system:node:n1", "system:nodes")
ADDRESS = x509.IPAddress(ipaddress.ip_address("10.0.0.1"))


@pytest.mark.parametrize(
    ("signer", "body", "usages", "why"),
    [
        ("kubelet-serving", (*NODE,), SERVING, "DNS or IP subjectAltName is required"),
        ("kubelet-serving", ("n1", "system:nodes", [ADDRESS]), SERVING,
         "subject common name does not begin with system:node:"),
        ("kubelet-serving", (*NODE, [ADDRESS, x509.RFC822Name("a@b.c")]), SERVING,
         "Email subjectAltNames are not allowed"),
        ("kubelet-serving", (*NODE, [ADDRESS]), CLIENT_USAGES,
         "usages did not match [digital signature key encipherment server auth]"),
        ("kube-apiserver-client-kubelet", ("system:node:n1", "team"), CLIENT_USAGES,
         "subject organization is not system:nodes"),
        ("kube-apiserver-client", ("jane", "team"), ["server auth"],
         "invalid usage for client certificate: server auth"),
    ],
)  # fmt: skip
async def test_a_request_that_its_signer_must_not_sign_fails(
    authority: dict[str, str], signer: str, body: tuple[Any, ...], usages: list[str], why: str
):
    async with running(SIGNING, **authority) as world:
        await ask(world, "r", f"kubernetes.io/{signer}", request(*body), usages)
        await approve(world, "r")

        async def failed() -> bool:
            conditions = (await world.get(f"{PATH}/r"))["status"]["conditions"]
            return any(
                (one["type"], one["reason"], one["message"]) == ("Failed", "SignerValidationFailure", why)
                for one in conditions
            )

        await eventually(failed)
        assert "certificate" not in (await world.get(f"{PATH}/r"))["status"]


async def test_a_kubelet_gets_a_serving_certificate_for_its_names(authority: dict[str, str]):
    async with running(SIGNING, **authority) as world:
        names = [x509.DNSName("n1"), ADDRESS]
        await ask(world, "r", "kubernetes.io/kubelet-serving", request(*NODE, names), SERVING)
        await approve(world, "r")
        found = await signed(world, "r")
        assert list(found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value) == names


async def test_a_node_that_may_is_approved_and_others_wait_for_a_person(authority: dict[str, str]):
    async with running(APPROVING, SIGNING, **authority) as world:
        # The tests' user is allowed everything.
        await ask(world, "node", KUBELET_CLIENT, request(*NODE), CLIENT_USAGES)
        await ask(world, "server", "kubernetes.io/kubelet-serving", request(*NODE, [ADDRESS]), SERVING)
        await ask(world, "user", "kubernetes.io/kube-apiserver-client", request(), CLIENT_USAGES)
        await signed(world, "node")
        (condition,) = (await world.get(f"{PATH}/node"))["status"]["conditions"]
        assert (condition["type"], condition["reason"]) == ("Approved", "AutoApproved")
        assert condition["message"] == "Auto approving kubelet client certificate after SubjectAccessReview."
        for name in ("server", "user"):
            assert "conditions" not in (await world.get(f"{PATH}/{name}"))["status"]


RBAC = "/apis/rbac.authorization.k8s.io/v1"
GROUP = "rbac.authorization.k8s.io"


async def test_a_requester_without_the_right_is_not_approved(tmp_path: pathlib.Path):
    tokens = tmp_path / "tokens.csv"
    tokens.write_text(f'{ADMIN_TOKEN},admin,1,"system:masters"\nplain,jane,2,\n')
    async with running(APPROVING, tokens=str(tokens)) as world:
        rule = {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"], "verbs": ["create"]}
        await world.create(f"{RBAC}/clusterroles", {"metadata": {"name": "asks"}, "rules": [rule]})
        binding = {
            "metadata": {"name": "asks"},
            "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "asks"},
            "subjects": [{"apiGroup": GROUP, "kind": "User", "name": "jane"}],
        }
        await world.create(f"{RBAC}/clusterrolebindings", binding)
        spec = {"request": request(*NODE), "signerName": KUBELET_CLIENT, "usages": CLIENT_USAGES}
        reply = await world.api.post(PATH, {"metadata": {"name": "denied"}, "spec": spec}, token="plain")
        assert reply.status == 201, reply.body
        await ask(world, "allowed", KUBELET_CLIENT, spec["request"], CLIENT_USAGES)

        async def approved() -> bool:
            return "conditions" in (await world.get(f"{PATH}/allowed"))["status"]

        await eventually(approved)
        assert "conditions" not in (await world.get(f"{PATH}/denied"))["status"]


async def test_requests_that_are_over_are_removed_in_time():
    class Tomorrow(SystemClock):
        def now(self) -> datetime:
            return super().now() + ahead

    ahead = timedelta(0)
    async with running(CLEANING, clock=Tomorrow()) as world:
        for name in ("open", "denied"):
            await ask(world, name, "example.com/mine", request(), ["any"])
        condition = {"type": "Denied", "status": "True", "reason": "ByTest", "message": "no"}
        await world.api.patch(f"{PATH}/denied/approval", {"status": {"conditions": [condition]}})

        async def left() -> set[str]:
            return {one["metadata"]["name"] for one in await world.items(PATH)}

        for hours, names in ((0, {"open", "denied"}), (2, {"open"}), (25, set())):
            ahead = timedelta(hours=hours)
            for name in await left():
                note = {"metadata": {"annotations": {"hours": str(hours)}}}  # the clock does not wake anybody
                await world.api.patch(f"{PATH}/{name}", note)
            await eventually(lambda names=names: _are(left, names))


async def _are(left: Callable[[], Awaitable[set[str]]], names: set[str]) -> bool:
    return await left() == names
