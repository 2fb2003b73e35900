"""Which address families a Service has: pure.

What: `settle(service, old, family)` fills in `ipFamilyPolicy` and `ipFamilies`, or tells what is wrong with them, where Services
have addresses of one family. Why: a Service without pods of its own and without an address may name both all the same: somebody
else writes its endpoints. Source: pkg/registry/core/service/storage/alloc.go (initIPFamilyFields).
"""

from __future__ import annotations

from kubelite.api.types.core_v1 import Service
from kubelite.apiserver.allocators.wants import HEADLESS
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path

SINGLE, PREFER, REQUIRE = "SingleStack", "PreferDualStack", "RequireDualStack"
OTHER = {"IPv4": "IPv6", "IPv6": "IPv4"}
POLICY = Path("spec") / "ipFamilyPolicy"


def settle(service: Service, old: Service | None, family: str) -> FieldErrors:
    """`family` is that of the cluster's Services. The Service is changed in place."""
    spec = service.spec
    if old is not None and _stays_as_it_is(service, old):
        return []
    free = spec.clusterIP == HEADLESS and not spec.selector
    if not spec.ipFamilyPolicy:
        before = old.spec.ipFamilyPolicy if old is not None else ""
        spec.ipFamilyPolicy = before or (REQUIRE if free else SINGLE)
    errors = (_shrink(service, old) if old is not None else []) + _too_many(service) + _infer(service, family)
    if errors:
        return errors
    if free:
        spec.ipFamilies = spec.ipFamilies or [family]
        if spec.ipFamilyPolicy != SINGLE and len(spec.ipFamilies) == 1:
            spec.ipFamilies = [*spec.ipFamilies, OTHER.get(spec.ipFamilies[0], family)]
        return []
    errors = _absent(service, family)
    if not errors:
        spec.ipFamilies = spec.ipFamilies or [family]
    return errors


def _stays_as_it_is(new: Service, old: Service) -> bool:
    """Whether both prefer two families and have the same: such a one does not follow a change of the cluster."""
    now, before = new.spec, old.spec
    if now.ipFamilyPolicy != PREFER or before.ipFamilyPolicy != PREFER or now.type != before.type:
        return False
    return now.clusterIPs == before.clusterIPs and now.ipFamilies == before.ipFamilies


def _shrink(new: Service, old: Service) -> FieldErrors:
    """One family only is the wish to give the second back; without that wish nothing is given back."""
    now, before = new.spec, old.spec
    if now.ipFamilyPolicy == SINGLE:
        if now.clusterIPs == before.clusterIPs:
            now.clusterIPs = now.clusterIPs[:1]
        if now.ipFamilies == before.ipFamilies:
            now.ipFamilies = now.ipFamilies[:1]
        return []
    return [
        fe.invalid(POLICY, now.ipFamilyPolicy, f"must be 'SingleStack' to release the secondary {what}")
        for what, mine, theirs in (
            ("cluster IP", now.clusterIPs, before.clusterIPs),
            ("IP family", now.ipFamilies, before.ipFamilies),
        )
        if 0 < len(mine) < len(theirs)
    ]


def _too_many(service: Service) -> FieldErrors:
    spec = service.spec
    if spec.ipFamilyPolicy != SINGLE:
        return []
    return [
        fe.invalid(
            POLICY,
            spec.ipFamilyPolicy,
            f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified",
        )
        for what, found in (("cluster IPs", spec.clusterIPs), ("IP families", spec.ipFamilies))
        if len(found) == 2
    ]


def _infer(service: Service, family: str) -> FieldErrors:
    """An address tells its family."""
    spec = service.spec
    for index, address in enumerate(spec.clusterIPs):
        if address == HEADLESS:
            break
        if index < len(spec.ipFamilies):
            continue
        found = "IPv6" if ":" in address else "IPv4"
        if found != family:
            path = (Path("spec") / "clusterIPs").index(index)
            return [fe.invalid(path, spec.clusterIPs, f"{found} is not configured on this cluster")]
        spec.ipFamilies = [*spec.ipFamilies, found]
    return []


def _absent(service: Service, family: str) -> FieldErrors:
    spec = service.spec
    errors: FieldErrors = []
    if spec.ipFamilyPolicy == REQUIRE:
        errors.append(fe.invalid(POLICY, REQUIRE, "this cluster is not configured for dual-stack services"))
    for index, wanted in enumerate(spec.ipFamilies):
        if wanted != family:
            path = (Path("spec") / "ipFamilies").index(index)
            errors.append(fe.invalid(path, wanted, "not configured on this cluster"))
    return errors
