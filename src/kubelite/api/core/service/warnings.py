"""What a Service may say and should not: warnings to whoever writes it.

Flow: the new object → texts, sent as headers. Upstream: pkg/api/service/warnings.go.
"""

from __future__ import annotations

from kubelite.api import addresses
from kubelite.api.core.service.defaults import CLUSTER_IP, EXTERNAL_NAME, HEADLESS
from kubelite.api.types import core_v1 as v1
from kubelite.machinery.fielderrors import Path

OLD_HINTS, MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
SPEC = Path("spec")


def warnings(new: v1.Service, old: v1.Service | None) -> list[str]:
    """About what is old, without effect, or written oddly."""
    spec = new.spec
    found = []
    if OLD_HINTS in new.metadata.annotations:
        found.append(f"annotation {OLD_HINTS} is deprecated, please use {MODE} instead")
    if spec.clusterIP and spec.clusterIP != HEADLESS:
        for index, address in enumerate(spec.clusterIPs):
            found += addresses.ip_warnings((SPEC / "clusterIPs").index(index), address)
    elif spec.clusterIP == HEADLESS and spec.type == CLUSTER_IP:
        found += _of_headless(spec)
    if spec.externalIPs:
        found.append("spec.externalIPs is deprecated")
    for index, address in enumerate(spec.externalIPs):
        found += addresses.ip_warnings((SPEC / "externalIPs").index(index), address)
    if spec.loadBalancerIP:
        found += addresses.ip_warnings(SPEC / "loadBalancerIP", spec.loadBalancerIP)
    for index, text in enumerate(spec.loadBalancerSourceRanges):
        found += addresses.cidr_warnings((SPEC / "loadBalancerSourceRanges").index(index), text)
    if spec.type == EXTERNAL_NAME and spec.externalIPs:
        found.append(f'spec.externalIPs is ignored when spec.type is "{EXTERNAL_NAME}"')
    if spec.type != EXTERNAL_NAME and spec.externalName:
        found.append(f'spec.externalName is ignored when spec.type is not "{EXTERNAL_NAME}"')
    if spec.trafficDistribution == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


def _of_headless(spec: v1.ServiceSpec) -> list[str]:
    found = []
    if spec.loadBalancerIP:
        found.append("spec.loadBalancerIP is ignored for headless services")
    if spec.externalIPs:
        found.append("spec.externalIPs is ignored for headless services")
    if spec.sessionAffinity != "None":
        found.append("spec.SessionAffinity is ignored for headless services")
    return found
