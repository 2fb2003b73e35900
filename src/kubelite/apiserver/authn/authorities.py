"""Certificate authorities in a PEM file that may change while the server runs.

What: `Authorities` (which chains a file vouches for) and `chain_of` (what TLS verified on a connection).
Why: one listener trusts clients and front proxies at once, so which authority signed a certificate decides what it
may do; and a removed authority must stop counting for connections that are open already. Flow: TLS verifies the chain
against all files, authenticators ask which file holds its root.
"""

from __future__ import annotations

import pathlib
import ssl
from collections.abc import Sequence
from typing import Any

from kubelite.apiserver.request import Connection

BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
TLS = "tls"
CHAIN = "tls.chain"
DER = 2
"""_ssl.ENCODING_DER"""


class Authorities:
    """The certificates of one file; `version` grows with each change. Raises OSError or ValueError for a bad file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.version = 0
        self.text = ""
        self._roots: frozenset[bytes] = frozenset()
        self.load()

    def load(self) -> None:
        """Reads the file again; a file that cannot be used changes nothing and raises."""
        text = pathlib.Path(self.path).read_text("ascii")
        roots = frozenset(certificates(text))
        if not roots:
            raise ValueError(f"{self.path} holds no certificate")
        if roots != self._roots:
            self._roots, self.text = roots, text
            self.version += 1

    def vouch_for(self, chain: Sequence[bytes]) -> bool:
        """Whether a verified chain (leaf first) ends at one of these authorities."""
        return any(one in self._roots for one in chain[1:])


def certificates(text: str) -> list[bytes]:
    """Every certificate of a PEM text as DER. Raises ValueError."""
    found, rest = [], text
    while BEGIN in rest:
        block, end, rest = rest[rest.index(BEGIN) :].partition(END)
        if not end:
            raise ValueError("a certificate has no end")
        found.append(ssl.PEM_cert_to_DER_cert(block + end))
    return found


def chain_of(connection: Connection) -> tuple[bytes, ...]:
    """The verified certificates of a connection as DER, the client's own first."""
    memo = connection.memo
    if CHAIN not in memo:
        memo[CHAIN] = _read_chain(memo.get(TLS))
    chain: tuple[bytes, ...] = memo[CHAIN]
    return chain


def _read_chain(tls: Any) -> tuple[bytes, ...]:
    if tls is None:
        return ()
    public = getattr(tls, "get_verified_chain", None)
    if public is not None:
        return tuple(public())
    # Before Python 3.13 only the object below has the method.
    return tuple(one.public_bytes(DER) for one in tls._sslobj.get_verified_chain())
