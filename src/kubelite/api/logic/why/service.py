"""Why a Service leads nowhere: its selector finds no pods, they are not ready, they lack its port, or it waits for an address."""

from __future__ import annotations

from difflib import SequenceMatcher

from kubelite.api.logic.why.model import (
    Cause,
    Facts,
    Object,
    condition,
    flag,
    listed,
    meta,
    name_of,
    namespace_of,
    spec,
    status,
)
from kubelite.api.logic.why.pod import of_pod, unhappy


def of_service(facts: Facts, service: Object) -> tuple[str, list[Cause]]:
    """(state, why it leads nowhere or has no address)."""
    if spec(service).get("type") == "ExternalName":
        return "External name", []
    if meta(service).get("deletionTimestamp"):
        left = listed(meta(service).get("finalizers") or ())
        step = f"kubelite get service {name_of(service)}{flag(service)} -o yaml"
        return "Terminating", [Cause("Finalizers", f"it waits for finalizers to be removed: {left}", step)]
    found = _endpoints(facts, service)
    if not found and spec(service).get("type") == "LoadBalancer" and not _ingress(service):
        return "Pending", [_no_address(facts, service)]
    return ("No endpoints" if found else "Ready"), found


def _no_address(facts: Facts, service: Object) -> Cause:
    step = f"kubelite describe service {name_of(service)}{flag(service)}"
    said = facts.events("Service", service, "SyncLoadBalancerFailed", "EnsuredLoadBalancer", "EnsuringLoadBalancer")
    if said and said[0].get("reason") == "EnsuringLoadBalancer":
        said = said[1:]
    if said and said[0].get("reason") == "SyncLoadBalancerFailed":
        because = Cause("LoadBalancerFailed", str(said[0].get("message")), step)
        return Cause("LoadBalancerPending", "it was given no address", step, because=because)
    text = "no load balancer has given it an address: nothing in this cluster has answered"
    details = ("on machines of one's own: kubelite up --load-balancer-pool=FIRST-LAST",)
    return Cause("LoadBalancerPending", text, step, details)


def _ingress(service: Object) -> list[Object]:
    return (status(service).get("loadBalancer") or {}).get("ingress") or []


def _endpoints(facts: Facts, service: Object) -> list[Cause]:
    namespace, selector = namespace_of(service), spec(service).get("selector") or {}
    if not selector:
        return [] if _slices(facts, service) else [_unselected(service)]
    pods = [p for p in facts.all("Pod", namespace) if _has(p, selector)]
    pods = [p for p in pods if status(p).get("phase") not in ("Succeeded", "Failed")]
    if not pods:
        return [_matches_nothing(facts, service, selector)]
    ready = [p for p in pods if condition(p, "Ready").get("status") == "True"]
    if not ready and not spec(service).get("publishNotReadyAddresses"):
        return [_not_ready(facts, service, pods)]
    return _ports(service, ready or pods)


def _has(pod: Object, selector: Object) -> bool:
    return selector.items() <= (meta(pod).get("labels") or {}).items()


def _slices(facts: Facts, service: Object) -> bool:
    label = "kubernetes.io/service-name"
    mine = [
        s
        for s in facts.all("EndpointSlice", namespace_of(service))
        if (meta(s).get("labels") or {}).get(label) == name_of(service)
    ]
    return any(one.get("endpoints") for one in mine)


def _unselected(service: Object) -> Cause:
    text = "it has no selector, and nobody has made EndpointSlices for it"
    return Cause("NoEndpoints", text, f"kubelite get endpointslices{flag(service)}")


def _matches_nothing(facts: Facts, service: Object, selector: Object) -> Cause:
    shown = ",".join(f"{key}={value}" for key, value in selector.items())
    text = f"its selector {shown} matches no pod of the namespace {namespace_of(service)}"
    nearest, details = _nearest(facts.all("Pod", namespace_of(service)), selector), []
    step = f"kubelite get pods{flag(service)} --show-labels"
    if nearest is not None:
        labels = meta(nearest).get("labels") or {}
        wrong = [
            f"{k}={labels[k]}, not {v}" if k in labels else f"no label {k}"
            for k, v in selector.items()
            if labels.get(k) != v
        ]
        details = [f"the nearest is pod {name_of(nearest)}, which has {listed(wrong)}"]
        if all(key in labels for key in selector):
            step = f"kubelite edit service {name_of(service)}{flag(service)}"
    return Cause("SelectorMatchesNothing", text, step, tuple(details))


def _nearest(pods: list[Object], selector: Object) -> Object | None:
    """The pod whose labels come closest: right values first, then the same keys with other values, the most alike first."""

    def score(pod: Object) -> tuple[int, int, float]:
        labels = meta(pod).get("labels") or {}
        alike = sum(SequenceMatcher(None, str(labels[k]), str(v)).ratio() for k, v in selector.items() if k in labels)
        return sum(labels.get(k) == v for k, v in selector.items()), sum(k in labels for k in selector), alike

    best = max(pods, key=score, default=None)
    return best if best is not None and score(best) > (0, 0, 0.0) else None


def _not_ready(facts: Facts, service: Object, pods: list[Object]) -> Cause:
    bad = next((p for p in pods if unhappy(p)), pods[0])
    _, causes = of_pod(facts, bad)
    few = "its only pod, " if len(pods) == 1 else f"none of its {len(pods)} pods is ready, for example "
    text = f"{few}{name_of(bad)}{', is not ready' if len(pods) == 1 else ''}"
    step = f"kubelite why pod/{name_of(bad)}{flag(service)}"
    return Cause("PodsNotReady", text, step, because=causes[0] if causes else None)


def _ports(service: Object, pods: list[Object]) -> list[Cause]:
    found = []
    for port in spec(service).get("ports") or ():
        target = port.get("targetPort")
        if not isinstance(target, str) or not target or target.isdigit():
            continue
        names = {n for pod in pods for n in _port_names(pod)}
        if target not in names:
            text = f"its port {port.get('port')} leads to the port named {target}, which its pods do not have"
            details = (f"they have {listed(sorted(names)) or 'no named ports'}",)
            step = f"kubelite edit service {name_of(service)}{flag(service)}"
            found.append(Cause("PortNameMismatch", text, step, details))
    return found


def _port_names(pod: Object) -> set[str]:
    containers = [*(spec(pod).get("containers") or ()), *(spec(pod).get("initContainers") or ())]
    return {str(port["name"]) for c in containers for port in c.get("ports") or () if port.get("name")}
