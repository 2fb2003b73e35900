"""A pod's resolver settings by dnsPolicy and dnsConfig. Pure but for the texts of a resolver file handed in.

What: `parse` a resolver file, `for_pod`, `fit_limits`. Flow: host settings, cluster settings, pod → `DnsConfig`.
Source: pkg/kubelet/network/dns/dns.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from kubelite.api.types.core_v1 import Pod, PodDNSConfig
from kubelite.kubelet.interfaces import DnsConfig

MAX_SERVERS: Final = 3
MAX_SEARCHES: Final = 32
MAX_SEARCH_CHARS: Final = 2048
CLUSTER_OPTIONS: Final = ("ndots:5",)


def parse(text: str) -> DnsConfig:
    """The content of a resolver file: all servers, the last search line, the last options line."""
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith(("#", ";")):
            continue
        if words[0] == "nameserver" and len(words) >= 2:
            servers.append(words[1])
        elif words[0] == "search":
            # A lone "." stays as it is; other names lose their closing dot.
            searches = [word if word == "." else word.removesuffix(".") for word in words[1:]]
        elif words[0] == "options":
            options = words[1:]
    return DnsConfig(servers, searches, options)


def unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def wants_cluster(pod: Pod) -> bool:
    """True where dnsPolicy asks for the cluster's resolver."""
    policy = pod.spec.dnsPolicy or "ClusterFirst"
    return policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not pod.spec.hostNetwork)


def for_pod(pod: Pod, host: DnsConfig, servers: Sequence[str], domain: str) -> DnsConfig:
    """The settings before limits. Raises ValueError for an unknown policy."""
    policy = pod.spec.dnsPolicy or "ClusterFirst"
    if policy not in ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"):
        raise ValueError(f"invalid DNSPolicy: {policy}")
    if policy == "None":
        base = DnsConfig()
    elif wants_cluster(pod) and servers:
        own = [f"{pod.metadata.namespace}.svc.{domain}", f"svc.{domain}", domain] if domain else []
        base = DnsConfig(list(servers), unique([*own, *host.searches]), CLUSTER_OPTIONS)
    else:
        base = host
    return _merged(base, pod.spec.dnsConfig) if pod.spec.dnsConfig else base


def _merged(base: DnsConfig, extra: PodDNSConfig) -> DnsConfig:
    options: dict[str, str | None] = {}
    for text in base.options:
        name, _, value = text.partition(":")
        options[name] = value or None
    for option in extra.options:
        options[option.name] = option.value or None
    return DnsConfig(
        unique([*base.servers, *extra.nameservers]),
        unique([*base.searches, *extra.searches]),
        [f"{name}:{value}" if value else name for name, value in options.items()],
    )


def fit_limits(config: DnsConfig) -> tuple[DnsConfig, list[str]]:
    """What the C library can take, and the complaints about what was left out."""
    complaints: list[str] = []
    servers = list(config.servers)[:MAX_SERVERS]
    if len(servers) < len(config.servers):
        line = " ".join(servers)
        complaints.append(
            f"Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: {line}"
        )
    searches = list(config.searches)[:MAX_SEARCHES]
    while len(" ".join(searches)) > MAX_SEARCH_CHARS:
        searches.pop()
    if len(searches) < len(config.searches):
        line = " ".join(searches)
        complaints.append(
            f"Search Line limits were exceeded, some search paths have been omitted, the applied search line is: {line}"
        )
    return DnsConfig(servers, searches, config.options), complaints
