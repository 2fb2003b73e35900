"""Load balancer addresses that this node answers for.

What: `parse` (pure) and `Addresses`, which makes the loopback link have exactly these addresses. Why: Linux answers ARP on
every link for every address that it has, so an address on `lo` is reached from the nodes' network, and the proxy's
rules lead it on.
Flow: the Node's annotation → `ip address` → a gratuitous ARP, by which neighbours learn that the address has moved.
The addresses carry a label of our own, so that stale ones are found after a restart and foreign ones are never touched.
"""

from __future__ import annotations

import contextlib
import ipaddress
import pathlib
import socket
import struct
from collections.abc import Iterable

from kubelite.util.log import get_logger
from kubelite.util.process import run as run_command

log = get_logger(__name__)
ANNOTATION = "kubelite.io/load-balancer-addresses"
LABEL = "lo:kubelite"
ETHERNET_ARP = 0x0806


def parse(text: str) -> frozenset[str]:
    """The IPv4 addresses of the annotation; what is none, or leads to the machine itself, is left out."""
    found = set()
    for part in text.split(","):
        with contextlib.suppress(ValueError):
            address = ipaddress.IPv4Address(part.strip())
            if not (address.is_loopback or address.is_multicast or address.is_unspecified):
                found.add(str(address))
    return frozenset(found)


class Addresses:
    """The addresses on `lo` that are ours."""

    async def apply(self, wanted: frozenset[str], own_address: str) -> None:
        """Add and remove. Raises CommandFailed."""
        present = await self.present()
        for address in sorted(present - wanted):
            await run_command(["ip", "-4", "address", "delete", f"{address}/32", "dev", "lo"])
            log.info("No longer announce a load balancer address", address=address)
        for address in sorted(wanted - present):
            await run_command(["ip", "-4", "address", "replace", f"{address}/32", "dev", "lo", "label", LABEL])
            log.info("Announce a load balancer address", address=address)
        if wanted - present:
            await self._tell(wanted - present, own_address)

    async def present(self) -> frozenset[str]:
        """What is there of ours."""
        shown = (await run_command(["ip", "-4", "-oneline", "address", "show", "dev", "lo"])).stdout.decode()
        lines = [line.replace("\\", " ").split() for line in shown.splitlines()]
        return frozenset(words[words.index("inet") + 1].partition("/")[0] for words in lines if LABEL in words)

    async def _tell(self, addresses: Iterable[str], own_address: str) -> None:
        """Tell the network of `own_address`; nobody listening, or no right to, is no failure: caches expire."""
        shown = (await run_command(["ip", "-4", "-oneline", "address", "show"])).stdout.decode()
        links = [words[1] for words in map(str.split, shown.splitlines()) if words[3].partition("/")[0] == own_address]
        for link in links:
            with contextlib.suppress(OSError, ValueError):
                hardware = bytes.fromhex(pathlib.Path(f"/sys/class/net/{link}/address").read_text().replace(":", ""))
                for address in addresses:
                    _send(link, arp_frame(hardware, address))


def arp_frame(hardware: bytes, address: str) -> bytes:
    """A gratuitous ARP reply to all: `address` is at `hardware` (RFC 826, RFC 5227)."""
    own = ipaddress.IPv4Address(address).packed
    head = b"\xff" * 6 + hardware + struct.pack("!H", ETHERNET_ARP)
    return head + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + hardware + own + b"\xff" * 6 + own


def _send(link: str, frame: bytes) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERNET_ARP)) as raw:
        raw.bind((link, 0))
        raw.send(frame)
