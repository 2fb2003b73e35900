"""What a certificate request asks for, and whether a signer of Kubernetes may sign it: pure.

What: `parse` gives the parts of a request that rules look at; `wrong_for` says what is wrong with it for a signer. Why: the
approver and the signer judge by the same rules. `cryptography` is loaded with the first request.
Source: pkg/apis/certificates/helpers.go, pkg/controller/certificates/signer/signer.go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kubelite.api.certificates import pem

CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
LEGACY = "kubernetes.io/legacy-unknown"
SIGNERS = (KUBELET_SERVING, KUBELET_CLIENT, CLIENT, LEGACY)
NODES = "system:nodes"
NODE_PREFIX = "system:node:"
_CLIENT_USAGES = ("client auth", "digital signature", "key encipherment")
_SERVING_USAGES = ("digital signature", "key encipherment", "server auth")
_KINDS_OF_NAMES = {"DNSName": "DNS", "RFC822Name": "Email", "IPAddress": "IP", "UniformResourceIdentifier": "URI"}


class Unreadable(Exception):
    """The request is no certificate request."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The parts of a request. `names` counts the alternative names by kind: DNS, Email, IP, URI."""

    common_name: str
    organizations: tuple[str, ...]
    names: dict[str, int]
    request: Any


def parse(text: str) -> Wanted:
    """`text` is the base64 of a PEM request. Raises Unreadable."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        found = pem.blocks(base64.b64decode(text))
        if not found or found[0].type != pem.REQUEST:
            raise Unreadable("PEM block type must be CERTIFICATE REQUEST")
        request = x509.load_der_x509_csr(found[0].content)
        subject = request.subject
        common = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        organizations = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        names: dict[str, int] = {}
        for name in alternative_names(request):
            kind = _KINDS_OF_NAMES.get(type(name).__name__, "")
            names[kind] = names.get(kind, 0) + 1
    except (binascii.Error, ValueError, TypeError) as error:
        raise Unreadable(f"unable to parse csr: {error}") from error
    return Wanted(
        str(common[-1].value) if common else "", tuple(str(one.value) for one in organizations), names, request
    )


def alternative_names(request: Any) -> list[Any]:
    """The subject's alternative names in a parsed request."""
    from cryptography import x509

    try:
        return list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


def wrong_for(signer: str, wanted: Wanted, usages: Sequence[str]) -> str:
    """Why this signer must not sign; "" if it may."""
    if signer == KUBELET_CLIENT:
        return wrong_as_kubelet_client(wanted, usages)
    if signer == KUBELET_SERVING:
        return wrong_as_kubelet_server(wanted, usages)
    if signer == CLIENT:
        return _wrong_as_client(usages)
    return ""


def wrong_as_kubelet_client(wanted: Wanted, usages: Sequence[str]) -> str:
    """A node's identity and nothing else."""
    if wanted.organizations != (NODES,):
        return "subject organization is not system:nodes"
    for kind in ("DNS", "Email", "IP", "URI"):
        if wanted.names.get(kind):
            return f"{kind} subjectAltNames are not allowed"
    if not wanted.common_name.startswith(NODE_PREFIX):
        return "subject common name does not begin with system:node:"
    return _wrong_usages(usages, _CLIENT_USAGES)


def wrong_as_kubelet_server(wanted: Wanted, usages: Sequence[str]) -> str:
    """A node's name and addresses and nothing else."""
    if wanted.organizations != (NODES,):
        return "subject organization is not system:nodes"
    if not wanted.names.get("DNS") and not wanted.names.get("IP"):
        return "DNS or IP subjectAltName is required"
    for kind in ("Email", "URI"):
        if wanted.names.get(kind):
            return f"{kind} subjectAltNames are not allowed"
    if not wanted.common_name.startswith(NODE_PREFIX):
        return "subject common name does not begin with system:node:"
    return _wrong_usages(usages, _SERVING_USAGES)


def _wrong_usages(usages: Sequence[str], allowed: tuple[str, ...]) -> str:
    """All of `allowed`; keys that cannot encipher keys may leave that out."""
    if set(usages) in (set(allowed), set(allowed) - {"key encipherment"}):
        return ""
    return f"usages did not match [{' '.join(allowed)}]"


def _wrong_as_client(usages: Sequence[str]) -> str:
    for usage in usages:
        if usage not in _CLIENT_USAGES:
            return f"invalid usage for client certificate: {usage}"
    return "" if "client auth" in usages else "missing required usage for client certificate: client auth"
