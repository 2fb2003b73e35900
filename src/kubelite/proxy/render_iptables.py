"""The balanced ports as iptables chains.

What: `tables(ports, settings)` → the nat and the filter table with every chain that is ours. Why: pure, so that tests follow a
packet through the result. Chain names and the shape of the rules are kube-proxy's, since people debug by them:
KUBE-SERVICES → KUBE-SVC-… (one a port) → KUBE-SEP-… (one an endpoint, DNAT); node ports and outside addresses enter through
KUBE-EXT-…; KUBE-SVL-… holds the endpoints of this node where a Local policy applies.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from kubelite.netfilter.iptables import Jump, Table
from kubelite.proxy.model import Balanced, Endpoint

MASQ_MARK = "0x4000"
MARK = "KUBE-MARK-MASQ"


@dataclass(frozen=True, slots=True)
class Settings:
    """`cluster_cidr`: sources that are pods; "" treats every source as one outside the node."""

    cluster_cidr: str = ""


def chain(prefix: str, *words: str) -> str:
    """`KUBE-SVC-` and sixteen letters that stand for the words, within the 28 characters that a chain name may have."""
    digest = hashlib.sha256("".join(words).encode()).digest()
    return f"KUBE-{prefix}-{base64.b32encode(digest).decode()[:16]}"


def _comment(text: str) -> str:
    return f'-m comment --comment "{text}"'


def _match(port: Balanced, number: int) -> str:
    return f"-p {port.protocol} -m {port.protocol} --dport {number}"


def spread(chains: Sequence[str], comment: str) -> list[str]:
    """Rules that pick each chain equally often: the i-th of n is taken with probability 1/(n-i)."""
    rules = []
    for i, name in enumerate(chains):
        left = len(chains) - i
        chance = f" -m statistic --mode random --probability {1 / left:.10f}" if left > 1 else ""
        rules.append(f"{comment}{chance} -j {name}")
    return rules


def _unserved(port: Balanced) -> tuple[str, str]:
    """Why no endpoint serves, and what becomes of the packet: endpoints elsewhere may come here any moment."""
    return ("has no local endpoints", "DROP") if port.everywhere else ("has no endpoints", "REJECT")


class Renderer:
    """Collects the chains of both tables."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.nat: dict[str, tuple[str, ...]] = {}
        self.services: list[str] = []
        self.node_ports: list[str] = []
        self.rejects: list[str] = []
        self.external_rejects: list[str] = []

    def endpoint_chain(self, port: Balanced, endpoint: Endpoint) -> str:
        name = chain("SEP", port.name, port.protocol, endpoint.target)
        comment = _comment(port.name)
        # An endpoint that reaches itself through the Service must see another source, or it would answer itself directly.
        rules = [f"-s {endpoint.ip}/32 {comment} -j {MARK}"]
        recent = f"-m recent --name {name} --set " if port.affinity_seconds else ""
        target = endpoint.target
        rules.append(f"{comment} {recent}-p {port.protocol} -m {port.protocol} -j DNAT --to-destination {target}")
        self.nat[name] = tuple(rules)
        return name

    def balancing_chain(self, name: str, port: Balanced, endpoints: Sequence[Endpoint]) -> None:
        comment = _comment(port.name)
        chains = [self.endpoint_chain(port, endpoint) for endpoint in endpoints]
        rules = []
        if port.affinity_seconds:
            rules = [
                f"{comment} -m recent --name {c} --rcheck --seconds {port.affinity_seconds} --reap -j {c}"
                for c in chains
            ]
        self.nat[name] = (*rules, *spread(chains, comment))

    def port(self, port: Balanced) -> None:
        match = f"-d {port.cluster_ip}/32 {_match(port, port.port)}"
        if port.internal:
            outside = f"! -s {self.settings.cluster_cidr} " if self.settings.cluster_cidr else ""
            masquerade = f"{outside}{match} {_comment(f'{port.name} cluster IP')} -j {MARK}"
            target = self.policy_chain(port, port.internal_local)
            if outside:
                self.nat[target] = (masquerade, *self.nat[target])
            self.services.append(f"{match} {_comment(f'{port.name} cluster IP')} -j {target}")
        else:
            what, verdict = _unserved(port)
            self.rejects.append(f"{match} {_comment(f'{port.name} {what}')} -j {verdict}")
        self.outside(port)

    def policy_chain(self, port: Balanced, local: bool) -> str:
        """KUBE-SVC spreads over the cluster's endpoints, KUBE-SVL over those of this node; made once a port."""
        name = chain("SVL" if local else "SVC", port.name, port.protocol)
        if name not in self.nat:
            self.balancing_chain(name, port, port.here if local else port.everywhere)
        return name

    def outside(self, port: Balanced) -> None:
        """Node port, external addresses and load balancer addresses."""
        if not port.node_port and not port.outside_ips:
            return
        if not port.external:
            self.unserved(port)
        if not port.everywhere:
            return
        entry = self.entry_chain(port)
        for address in port.external_ips:
            note = _comment(f"{port.name} external IP")
            self.services.append(f"-d {address}/32 {_match(port, port.port)} {note} -j {entry}")
        guarded = self.guard_chain(port, entry)
        for address in port.load_balancer_ips:
            note = _comment(f"{port.name} loadbalancer IP")
            self.services.append(f"-d {address}/32 {_match(port, port.port)} {note} -j {guarded}")
        if port.node_port:
            self.node_ports.append(f"{_match(port, port.node_port)} {_comment(port.name)} -j {entry}")

    def unserved(self, port: Balanced) -> None:
        """Stops what the nat table leaves as it is because there is no endpoint to lead it to."""
        what, verdict = _unserved(port)
        note = _comment(f"{port.name} {what}")
        for address in port.outside_ips:
            self.external_rejects.append(f"-d {address}/32 {_match(port, port.port)} {note} -j {verdict}")
        if port.node_port:
            local = "-m addrtype --dst-type LOCAL"
            self.external_rejects.append(f"{local} {_match(port, port.node_port)} {note} -j {verdict}")

    def entry_chain(self, port: Balanced) -> str:
        """KUBE-EXT: where traffic from outside enters. Spread over all nodes it must come back through this one.

        With the Local policy only strangers are kept to this node's endpoints: pods and the node itself may use all of them.
        """
        name, note = chain("EXT", port.name, port.protocol), _comment(port.name)
        everywhere = self.policy_chain(port, local=False)
        if not port.external_local:
            masquerade = f"{_comment(f'masquerade traffic for {port.name} external destinations')} -j {MARK}"
            self.nat[name] = (masquerade, f"{note} -j {everywhere}")
            return name
        rules = []
        if self.settings.cluster_cidr:
            rules.append(f"-s {self.settings.cluster_cidr} {note} -j {everywhere}")
        rules += [
            f"-m addrtype --src-type LOCAL {note} -j {MARK}",
            f"-m addrtype --src-type LOCAL {note} -j {everywhere}",
        ]
        if port.here:
            rules.append(f"{note} -j {self.policy_chain(port, local=True)}")
        self.nat[name] = tuple(rules)
        return name

    def guard_chain(self, port: Balanced, entry: str) -> str:
        """KUBE-FW: lets only the Service's source ranges pass to a load balancer address."""
        if not port.source_ranges or not port.load_balancer_ips:
            return entry
        name, note = chain("FW", port.name, port.protocol), _comment(f"{port.name} loadbalancer IP")
        allowed = [f"-s {source} {note} -j {entry}" for source in port.source_ranges]
        self.nat[name] = (*allowed, f"{note} -j KUBE-MARK-DROP")
        return name


def tables(ports: Sequence[Balanced], settings: Settings) -> tuple[Table, Table]:
    """The nat and the filter table."""
    renderer = Renderer(settings)
    for port in ports:
        renderer.port(port)
    note = _comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain")
    services = (*renderer.services, f"{note} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS")
    nat = {
        "KUBE-SERVICES": services,
        "KUBE-NODEPORTS": tuple(renderer.node_ports),
        "KUBE-POSTROUTING": (
            f"-m mark ! --mark {MASQ_MARK}/{MASQ_MARK} -j RETURN",
            f"-j MARK --xor-mark {MASQ_MARK}",
            f"{_comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully",
        ),
        MARK: (f"-j MARK --or-mark {MASQ_MARK}",),
        "KUBE-MARK-DROP": ("-j MARK --or-mark 0x8000",),
        **renderer.nat,
    }
    portals = _comment("kubernetes service portals")
    nat_jumps = (
        Jump("PREROUTING", f"{portals} -j KUBE-SERVICES"),
        Jump("OUTPUT", f"{portals} -j KUBE-SERVICES"),
        Jump("POSTROUTING", f"{_comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING"),
    )
    return Table("nat", nat, nat_jumps), _filter(renderer)


def _filter(renderer: Renderer) -> Table:
    forward = _comment("kubernetes forwarding rules")
    chains = {
        "KUBE-SERVICES": tuple(renderer.rejects),
        "KUBE-EXTERNAL-SERVICES": tuple(renderer.external_rejects),
        "KUBE-FORWARD": (
            "-m conntrack --ctstate INVALID -j DROP",
            f"{forward} -m mark --mark {MASQ_MARK}/{MASQ_MARK} -j ACCEPT",
            f"{_comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        ),
        # route_localnet lets node ports work on 127.0.0.1; this keeps neighbours from reaching loopback services with it.
        "KUBE-FIREWALL": (
            f"{_comment('block incoming localnet connections')} ! -s 127.0.0.0/8 -d 127.0.0.0/8 "
            "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
            f"{_comment('kubernetes firewall for dropping marked packets')} -m mark --mark 0x8000/0x8000 -j DROP",
        ),
    }
    new, portals = "-m conntrack --ctstate NEW", _comment("kubernetes service portals")
    external = _comment("kubernetes externally-visible service portals")
    jumps = (
        Jump("INPUT", "-j KUBE-FIREWALL"),
        Jump("OUTPUT", "-j KUBE-FIREWALL"),
        Jump("FORWARD", "-j KUBE-FIREWALL"),
        Jump("INPUT", f"{new} {external} -j KUBE-EXTERNAL-SERVICES", first=True),
        Jump("FORWARD", f"{new} {external} -j KUBE-EXTERNAL-SERVICES", first=True),
        Jump("FORWARD", f"{new} {portals} -j KUBE-SERVICES", first=True),
        Jump("OUTPUT", f"{new} {portals} -j KUBE-SERVICES", first=True),
        Jump("FORWARD", f"{forward} -j KUBE-FORWARD", first=True),
    )
    return Table("filter", chains, jumps)
