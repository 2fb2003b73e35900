"""Users by client certificate: the common name is the user, the organizations are the groups, and there may be a UID.

What: `user_of` reads a DER certificate; `ClientCertificate` remembers the answer on the connection.
Why: TLS has verified the chain against the client CA; what is left is reading names, once per connection.
Source: apiserver/pkg/authentication/request/x509/x509.go (CommonNameUserConversion).
"""

from __future__ import annotations

import hashlib
from typing import Any

from kubelite.apiserver.authn.authorities import Authorities, chain_of
from kubelite.apiserver.request import Connection, Request, UserInfo

MEMO = "x509.user"
UID = "1.3.6.1.4.1.57683.2"
"""The attribute of a subject that is the user's UID, under the number of the Cloud Native Computing Foundation."""
AUTHENTICATED = "system:authenticated"
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


def user_of(certificate: bytes) -> UserInfo | None:
    """The user that a DER certificate names; None without a common name or if it is not for clients."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    parsed = x509.load_der_x509_certificate(certificate)
    try:
        usages = parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if not {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(usages):
            return None
    except x509.ExtensionNotFound:
        pass  # without the extension a certificate is good for every use
    names = [str(one.value) for one in parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if not names or not names[-1]:
        return None
    uid = _uid(parsed.subject)
    if uid is None:
        return None
    groups = [str(one.value) for one in parsed.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    extra = {CREDENTIAL_ID: (f"X509SHA256={hashlib.sha256(certificate).hexdigest()}",)}
    return UserInfo(names[-1], uid, (*dict.fromkeys(groups), AUTHENTICATED), extra)


def _uid(subject: Any) -> str | None:
    """The user's UID, "" where the subject has none; None where it cannot be told: then nobody is identified."""
    from cryptography import x509

    found = subject.get_attributes_for_oid(x509.ObjectIdentifier(UID))
    if not found:
        return ""
    value = found[0].value
    return value if len(found) == 1 and isinstance(value, str) and value else None


def common_name(certificate: bytes) -> str:
    """The common name of a DER certificate; "" without one."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    found = x509.load_der_x509_certificate(certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[-1].value) if found else ""


class ClientCertificate:
    """The authenticator: None where the connection showed no certificate, or one that `authorities` do not vouch for."""

    def __init__(self, authorities: Authorities | None = None) -> None:
        self.authorities = authorities

    def authenticate(self, request: Request) -> UserInfo | None:
        connection = request.connection
        if connection is None or connection.peer_certificate is None:
            return None
        memo = connection.memo
        version = self.authorities.version if self.authorities is not None else 0
        known = memo.get(MEMO)
        if known is None or known[0] != version:
            known = memo[MEMO] = (version, self._user(connection, connection.peer_certificate))
        user: UserInfo | None = known[1]
        return user

    def _user(self, connection: Connection, certificate: bytes) -> UserInfo | None:
        if self.authorities is not None and not self.authorities.vouch_for(chain_of(connection)):
            return None
        return user_of(certificate)
