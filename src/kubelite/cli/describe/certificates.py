"""`describe certificatesigningrequest`: who asks for which names, and what was decided.

Follows kubectl/pkg/describe/describe.go.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kubelite.cli.describe import text
from kubelite.cli.describe.text import Lines, Object
from kubelite.machinery import times

if TYPE_CHECKING:
    from cryptography import x509


def request(lines: Lines, obj: Object, found: Object) -> None:
    """The request, read from its encoding."""
    spec = obj.get("spec") or {}
    text.name_of(lines, obj, namespace=False)
    lines.add(0, f"Labels:\t{text.format_labels(text.meta(obj).get('labels'))}")
    lines.add(0, f"Annotations:\t{text.format_labels(text.meta(obj).get('annotations'))}")
    lines.add(0, f"CreationTimestamp:\t{text.date(text.meta(obj).get('creationTimestamp'))}")
    lines.add(0, f"Requesting User:\t{spec.get('username', '')}")
    if spec.get("signerName"):
        lines.add(0, f"Signer:\t{spec['signerName']}")
    if spec.get("expirationSeconds") is not None:
        lines.add(0, f"Requested Duration:\t{times.age(spec['expirationSeconds'])}")
    lines.add(0, f"Status:\t{_status(obj)}")
    _asked(lines, base64.b64decode(spec.get("request", "")))
    text.events(lines, found.get("events"))


def _status(obj: Object) -> str:
    """As the column of `get` has it: the decision, then what came of it."""
    status = obj.get("status") or {}
    types = {one["type"] for one in status.get("conditions") or ()}
    words = ["Approved" if "Approved" in types else "Denied" if "Denied" in types else "Pending"]
    words += ["Failed"] if "Failed" in types else []
    return ",".join([*words, "Issued"] if status.get("certificate") else words)


def _asked(lines: Lines, pem: bytes) -> None:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    asked = x509.load_pem_x509_csr(pem)

    def values(oid: x509.ObjectIdentifier) -> list[str]:
        return [str(one.value) for one in asked.subject.get_attributes_for_oid(oid)]

    lines.add(0, "Subject:")
    lines.add(0, f"\tCommon Name:\t{(values(NameOID.COMMON_NAME) or [''])[-1]}")
    lines.add(0, f"\tSerial Number:\t{(values(NameOID.SERIAL_NUMBER) or [''])[-1]}")
    for title, oid in (
        ("Organization", NameOID.ORGANIZATION_NAME),
        ("Organizational Unit", NameOID.ORGANIZATIONAL_UNIT_NAME),
        ("Country", NameOID.COUNTRY_NAME),
        ("Locality", NameOID.LOCALITY_NAME),
        ("Province", NameOID.STATE_OR_PROVINCE_NAME),
        ("StreetAddress", NameOID.STREET_ADDRESS),
        ("PostalCode", NameOID.POSTAL_CODE),
    ):
        _listed(lines, title, values(oid))
    try:
        names: Any = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    lines.add(0, "Subject Alternative Names:")
    for title, type_ in (
        ("DNS Names", x509.DNSName),
        ("Email Addresses", x509.RFC822Name),
        ("URIs", x509.UniformResourceIdentifier),
        ("IP Addresses", x509.IPAddress),
    ):
        _listed(lines, title, [str(one) for one in names.get_values_for_type(type_)])


def _listed(lines: Lines, title: str, values: Sequence[str]) -> None:
    for index, value in enumerate(values):
        lines.add(0, f"\t{title + ':' if index == 0 else ''}\t{value}")
