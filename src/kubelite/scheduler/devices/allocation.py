"""From chosen devices to what a claim's status says.

What: `allocation(claim, picks, classes, node)`. Rules: configurations of classes come first, each once, then those of the claim;
the nodes that reach all devices are written down, so that a claim that outlives its pod is used where its devices are.
Upstream: dynamic-resource-allocation/structured/internal allocator, createNodeSelector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubelite.api.types import resource_v1 as v1
from kubelite.api.types.core_v1 import (
    ContainerExtendedResourceRequest,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
)
from kubelite.scheduler.devices.allocator import Pick

NAME_FIELD = "metadata.name"


@dataclass(frozen=True, slots=True)
class Allotment:
    """What has to be written for one claim before its pod is bound."""

    claim: v1.ResourceClaim
    allocation: v1.AllocationResult | None
    """None: it has its devices already, the pod only has to be entered as one who uses them, if it is not yet."""
    mappings: tuple[ContainerExtendedResourceRequest, ...] = ()
    """Which amounts of extended resources the claim stands for; then it has to be created first."""


def allocation(
    claim: v1.ResourceClaim, picks: Sequence[Pick], classes: Mapping[str, v1.DeviceClass], node: str
) -> v1.AllocationResult:
    """The devices, their configuration, and the nodes that can reach them."""
    results = [
        v1.DeviceRequestAllocationResult(
            request=pick.option.name,
            driver=pick.offer.id[0],
            pool=pick.offer.id[1],
            device=pick.offer.id[2],
            adminAccess=True if pick.option.admin else None,
            tolerations=list(pick.option.tolerations),
            shareID=share_id(claim, number) if pick.consumed is not None else "",
            consumedCapacity=dict(pick.consumed or {}),
            bindingConditions=list(pick.offer.device.bindingConditions),
            bindingFailureConditions=list(pick.offer.device.bindingFailureConditions),
        )
        for number, pick in enumerate(picks)
    ]
    devices = v1.DeviceAllocationResult(results=results, config=_configuration(claim, picks, classes))
    return v1.AllocationResult(devices=devices, nodeSelector=reachable_from(picks, node))


def share_id(claim: v1.ResourceClaim, number: int) -> str:
    """Tells the shares of one device apart; another one each time that the claim is given devices."""
    import uuid

    meta = claim.metadata
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{meta.uid}/{meta.resourceVersion}/{number}"))


def _configuration(
    claim: v1.ResourceClaim, picks: Sequence[Pick], classes: Mapping[str, v1.DeviceClass]
) -> list[v1.DeviceAllocationConfiguration]:
    used = {pick.option.name: pick.option.device_class for pick in picks}
    found = []
    for name in dict.fromkeys(used.values()):
        given = classes[name].spec.config if name in classes else []
        requests = [request for request, of in used.items() if of == name]
        found += [
            v1.DeviceAllocationConfiguration(source="FromClass", requests=list(requests), opaque=c.opaque)
            for c in given
        ]
    asked = claim.spec.devices.config if claim.spec.devices is not None else []
    names = {name.partition("/")[0] for name in used} | set(used)
    for config in asked:
        # One for an alternative that was not taken says nothing.
        if not config.requests or names & set(config.requests):
            found.append(
                v1.DeviceAllocationConfiguration(
                    source="FromClaim", requests=list(config.requests), opaque=config.opaque
                )
            )
    return found


def reachable_from(picks: Sequence[Pick], node: str) -> NodeSelector | None:
    """One node, if a device is there; else what the devices' own selectors ask for together; None for all nodes."""
    if any(pick.offer.node or pick.offer.device.bindsToNode for pick in picks):
        only = NodeSelectorRequirement(key=NAME_FIELD, operator="In", values=[node])
        return NodeSelector(nodeSelectorTerms=[NodeSelectorTerm(matchFields=[only])])
    term = NodeSelectorTerm()
    for pick in picks:
        terms = pick.offer.selector.nodeSelectorTerms if pick.offer.selector is not None else []
        for asked in terms[:1]:
            term.matchExpressions += [r for r in asked.matchExpressions if r not in term.matchExpressions]
            term.matchFields += [r for r in asked.matchFields if r not in term.matchFields]
    return NodeSelector(nodeSelectorTerms=[term]) if term.matchExpressions or term.matchFields else None
