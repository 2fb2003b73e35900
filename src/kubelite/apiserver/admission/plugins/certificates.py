"""CertificateApproval, CertificateSigning and CertificateSubjectRestriction: who may decide about certificates, and for whom.

What: three plugins; the first two ask whether the user has the verb `approve` or `sign` on the signer, the third refuses the
superusers' group in certificates for clients. Why: whoever may update a request's status must not thereby become anybody.
Source: plugin/pkg/admission/certificates, pkg/apis/certificates (IsAuthorizedForSignerName).
"""

from __future__ import annotations

from collections.abc import Awaitable

from kubelite.api.certificates import pem
from kubelite.api.types.certificates_v1 import CertificateSigningRequest
from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin, denied
from kubelite.apiserver.request import AdmissionRequest, Attributes, Authorizer
from kubelite.machinery.kind import Kind

GROUP, RESOURCE = "certificates.k8s.io", "certificatesigningrequests"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
MASTERS = "system:masters"


class SignerPermission(Plugin):
    """Asks for one verb on the signer of a request, or on all signers of its domain."""

    verb = ""
    subresource = ""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return operation == UPDATE and (kind.group, kind.plural, subresource) == (GROUP, RESOURCE, self.subresource)

    def concerns(self, new: CertificateSigningRequest, old: CertificateSigningRequest) -> bool:
        """Whether the update needs the permission."""
        return True

    def validate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        if request.user is None or not self.concerns(request.object, request.old):
            return None
        return self._check(request, request.old.spec.signerName)

    async def _check(self, request: AdmissionRequest, signer: str) -> None:
        assert request.user is not None
        for name in (signer, f"{signer.partition('/')[0]}/*"):
            attributes = Attributes(self.verb, group=GROUP, version="*", resource="signers", name=name)
            decision = self._authorizer.authorize(request.user, attributes)
            if (decision if isinstance(decision, tuple) else await decision)[0]:
                return
        raise denied(request, f'user not permitted to {self.verb} requests with signerName "{signer}"')


class CertificateApproval(SignerPermission):
    """Who approves or denies."""

    name = "CertificateApproval"
    verb, subresource = "approve", "approval"


class CertificateSigning(SignerPermission):
    """Who signs, or says that it failed."""

    name = "CertificateSigning"
    verb, subresource = "sign", "status"

    def concerns(self, new: CertificateSigningRequest, old: CertificateSigningRequest) -> bool:
        return new.status.certificate != old.status.certificate or new.status.conditions != old.status.conditions


class CertificateSubjectRestriction(Plugin):
    """No client certificate makes a superuser."""

    name = "CertificateSubjectRestriction"

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return operation == CREATE and (kind.group, kind.plural, subresource) == (GROUP, RESOURCE, "")

    def validate(self, request: AdmissionRequest) -> None:
        asked: CertificateSigningRequest = request.object
        if asked.spec.signerName == CLIENT_SIGNER and MASTERS in organizations(asked.spec.request):
            raise denied(request, f"use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed")


def organizations(text: str) -> list[str]:
    """The groups that a certificate request (base64 of PEM) asks for; none if it cannot be read, which validation reports."""
    import base64

    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        found = pem.blocks(base64.b64decode(text))
        subject = x509.load_der_x509_csr(found[0].content).subject
    except (ValueError, IndexError):
        return []
    return [str(one.value) for one in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]


def plugins(authorizer: Authorizer) -> list[Plugin]:
    """In upstream's order."""
    return [CertificateApproval(authorizer), CertificateSigning(authorizer), CertificateSubjectRestriction()]
