"""Certificates and certificate requests as text: what is wrong with them.

What: `wrong_with_request` and `wrong_with_certificates` take base64 of PEM and return a complaint or "". Why: only requests that
prove the possession of their key are taken. Flow: called by the kind's validation; the library is loaded on the first request.
Upstream: pkg/apis/certificates/helpers.go (ParseCSR), pkg/apis/certificates/validation (validateCertificate).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple

_BLOCK = re.compile(
    rb"-----BEGIN (?P<type>[^\r\n]*?)-----[ \t]*\r?\n(?P<body>.*?)-----END (?P=type)-----[ \t]*(?:\r?\n|\Z)", re.DOTALL
)
REQUEST, CERTIFICATE = "CERTIFICATE REQUEST", "CERTIFICATE"


class Block(NamedTuple):
    """One PEM block."""

    type: str
    headers: bool
    content: bytes


def blocks(data: bytes) -> list[Block]:
    """The PEM blocks in a text, as far as they are right; anything between them is skipped."""
    found: list[Block] = []
    for match in _BLOCK.finditer(data):
        body = match["body"]
        head, blank, rest = body.replace(b"\r\n", b"\n").partition(b"\n\n")
        headers = bool(blank) and b":" in head
        try:
            content = base64.b64decode(b"".join((rest if headers else body).split()), validate=True)
        except (binascii.Error, ValueError):
            continue
        found.append(Block(match["type"].decode(errors="replace"), headers, content))
    return found


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""


def wrong_with_request(text: str) -> str:
    """ "" for the base64 of a PEM request that is signed by its own key."""
    found = blocks(_bytes(text))
    if not found or found[0].type != REQUEST:
        return "PEM block type must be CERTIFICATE REQUEST"
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        request = x509.load_der_x509_csr(found[0].content)
        valid = request.is_signature_valid
    except UnsupportedAlgorithm as error:
        return f"x509: {error}"
    except (ValueError, TypeError) as error:
        return f"asn1: structure error: {error}"
    return "" if valid else "x509: certificate request has an invalid signature"


def wrong_with_certificates(text: str) -> str:
    """ "" for nothing, or for the base64 of PEM certificates and nothing else."""
    if not text:
        return ""
    found = blocks(_bytes(text))
    for block in found:
        if block.type != CERTIFICATE:
            return f'only CERTIFICATE PEM blocks are allowed, found "{block.type}"'
        if block.headers:
            return "no PEM block headers are permitted"
        from cryptography import x509

        try:
            x509.load_der_x509_certificate(block.content)
        except ValueError as error:
            return f"x509: malformed certificate: {error}"
    return "" if found else "must contain at least one CERTIFICATE PEM block"
