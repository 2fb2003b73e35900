"""Which requests may be approved without a person, if the requester has the right: pure.

What: `permissions(request, wanted)` lists the rights of which one is enough, the narrowest first.
Source: pkg/controller/certificates/approver/sarapprove.go.
"""

from __future__ import annotations

from typing import NamedTuple

from kubelite.api.certificates.certificate_signing_request import APPROVED, DENIED
from kubelite.api.types.certificates_v1 import CertificateSigningRequest
from kubelite.controllers import certificaterequests as rules


class Permission(NamedTuple):
    """The subresource of certificatesigningrequests that the requester must be allowed to create, and what to say then."""

    subresource: str
    message: str


SELF = Permission("selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview.")
NODE = Permission("nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview.")


def is_open(request: CertificateSigningRequest) -> bool:
    """Whether nobody has decided yet."""
    decided = any(condition.type in (APPROVED, DENIED) for condition in request.status.conditions)
    return not decided and not request.status.certificate


def permissions(request: CertificateSigningRequest, wanted: rules.Wanted) -> list[Permission]:
    """Empty for a request that a person has to look at."""
    spec = request.spec
    if spec.signerName != rules.KUBELET_CLIENT or rules.wrong_as_kubelet_client(wanted, spec.usages):
        return []
    return [SELF, NODE] if spec.username == wanted.common_name else [NODE]
