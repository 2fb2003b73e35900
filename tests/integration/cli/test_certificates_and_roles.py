"""`certificate approve|deny` and `auth reconcile`."""

from __future__ import annotations

import base64
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.integration.cli.conftest import Cli

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def request(name: str, group: str = "dev", signer: str = "kubernetes.io/kube-apiserver-client") -> dict[str, Any]:
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group), x509.NameAttribute(NameOID.COMMON_NAME, "jane")]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    pem = base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode()
    return {"metadata": {"name": name}, "spec": {"request": pem, "signerName": signer, "usages": ["client auth"]}}


async def test_a_request_names_its_requester_and_is_approved_once(cli: Cli) -> None:
    made = await cli.api.post(REQUESTS, request("jane") | {"status": {"conditions": []}})
    assert made.status == 201, made.body
    assert (made.json()["spec"]["username"], made.json()["spec"]["uid"]) == ("admin", "admin-uid")
    done = await cli("certificate approve jane")
    assert (done.code, done.out) == (0, "certificatesigningrequest.certificates.k8s.io/jane approved\n")
    (condition,) = (await cli.api.get(f"{REQUESTS}/jane")).json()["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("Approved", "KubectlApprove")
    denied = await cli("certificate deny jane")
    assert denied.err == 'error: certificate signing request "jane" is already Approved\n'


async def test_a_request_is_denied(cli: Cli) -> None:
    assert (await cli.api.post(REQUESTS, request("joe"))).status == 201
    assert (await cli("certificate deny joe")).out == "certificatesigningrequest.certificates.k8s.io/joe denied\n"
    none = await cli("certificate approve")
    assert none.err == "error: one or more CSRs must be specified as <name> or -f <filename>\n"


async def test_no_client_certificate_is_asked_for_superusers(cli: Cli) -> None:
    made = await cli.api.post(REQUESTS, request("boss", "system:masters"))
    text = (
        'certificatesigningrequests.certificates.k8s.io "boss" is forbidden: use of kubernetes.io/kube-apiserver-client'
    )
    assert (made.status, made.json()["message"]) == (403, f"{text} signer with system:masters group is not allowed")


async def test_approving_needs_the_verb_on_the_signer(cli: Cli) -> None:
    api = cli.api
    await api.post(REQUESTS, request("jane", signer="example.com/s"))
    update = {"verbs": ["update", "get"], "apiGroups": ["certificates.k8s.io"]}
    rule = {**update, "resources": ["certificatesigningrequests/approval", "certificatesigningrequests"]}
    await api.post(f"{RBAC}/clusterroles", {"metadata": {"name": "approver"}, "rules": [rule]})
    subject = {"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}
    role = {"kind": "ClusterRole", "name": "approver", "apiGroup": "rbac.authorization.k8s.io"}
    body = {"metadata": {"name": "approver"}, "roleRef": role, "subjects": [subject]}
    assert (await api.post(f"{RBAC}/clusterrolebindings", body)).status == 201
    refused = await cli("certificate approve jane --as bob")
    assert 'user not permitted to approve requests with signerName "example.com/s"' in refused.err
    sign = {"verbs": ["approve"], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"]}
    rules = [rule, {**sign, "resourceNames": ["example.com/*"]}]
    await api.patch(f"{RBAC}/clusterroles/approver", {"rules": rules})
    assert (await cli("certificate approve jane --as bob")).code == 0


def role(*verbs: str) -> dict[str, Any]:
    rules = [{"verbs": list(verbs), "apiGroups": [""], "resources": ["pods"]}]
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role"}
    return {**kind, "metadata": {"name": "r", "namespace": "default"}, "rules": rules}


async def test_reconcile_creates_adds_and_removes(cli: Cli) -> None:
    made = await cli("auth reconcile -f -", role("get"))
    assert made.out == "role.rbac.authorization.k8s.io/r reconciled\n"
    assert made.err.startswith("\treconciliation required create\n\tmissing rules added:\n")
    assert "\t\t{Verbs:[get] APIGroups:[] Resources:[pods] ResourceNames:[] NonResourceURLs:[]}\n" in made.err
    same = await cli("auth reconcile -f -", role("get"))
    assert (same.out, same.err) == ("role.rbac.authorization.k8s.io/r reconciled\n", "")
    more = await cli("auth reconcile -f -", role("list"))
    assert "\treconciliation required update\n" in more.err and "\textra rules preserved:\n" in more.err
    stored = (await cli.api.get(f"{RBAC}/namespaces/default/roles/r")).json()["rules"]
    assert [one["verbs"] for one in stored] == [["get"], ["list"]]
    await cli("auth reconcile --remove-extra-permissions -f -", role("list"))
    stored = (await cli.api.get(f"{RBAC}/namespaces/default/roles/r")).json()["rules"]
    assert [one["verbs"] for one in stored] == [["list"]]
