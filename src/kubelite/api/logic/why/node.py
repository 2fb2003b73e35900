"""Why a node takes no pods: its kubelet is silent, says it is not ready, is short of something; or it is cordoned or tainted."""

from __future__ import annotations

from kubelite.api.logic import taints
from kubelite.api.logic.why.model import (
    Cause,
    Facts,
    Object,
    condition,
    listed,
    meta,
    name_of,
    namespace_of,
    spec,
    status,
)
from kubelite.api.logic.why.pod import blocking_budgets

SILENCE = 40.0
"""Seconds without a heartbeat after which the node controller gives a node up."""
_PRESSURES = (("MemoryPressure", "memory"), ("DiskPressure", "disk space"), ("PIDPressure", "process ids"))
_OWN_TAINTS = "node.kubernetes.io/"


def _heartbeat(facts: Facts, node: Object) -> str:
    """The time of the last sign of life: the lease's, else the condition's."""
    lease = facts.get("Lease", "kube-node-lease", name_of(node)) or {}
    return str(spec(lease).get("renewTime") or condition(node, "Ready").get("lastHeartbeatTime") or "")


def not_ready(facts: Facts, node: Object) -> Cause | None:
    """Why the node is not ready, None if it is."""
    ready, name = condition(node, "Ready"), name_of(node)
    if ready.get("status") == "True":
        return None
    last = _heartbeat(facts, node)
    log = f"ssh {name} kubelite status"
    if not ready:
        return Cause("KubeletNeverReported", "its kubelet has never reported", log)
    if ready.get("status") == "Unknown" or (last and facts.seconds_since(last) > SILENCE):
        text = "its kubelet has stopped reporting" + (
            f"; its last sign of life was {facts.age(last)} ago" if last else ""
        )
        return Cause("KubeletStopped", text, log)
    message = str(ready.get("message") or "")
    lowered = message.lower()
    if "network" in lowered or "cni" in lowered:
        return Cause("NetworkUnavailable", f"its pod network is not ready: {message}", log)
    if "runtime" in lowered or "pleg" in lowered:
        return Cause("RuntimeDown", f"its container runtime does not answer: {message}", log)
    return Cause("NodeNotReady", f"its kubelet says: {message}", log)


def of_node(facts: Facts, node: Object) -> tuple[str, list[Cause]]:
    """(state, why it takes no pods)."""
    if meta(node).get("deletionTimestamp"):
        left = listed(meta(node).get("finalizers") or ())
        step = f"kubelite get node {name_of(node)} -o yaml"
        return "Terminating", [Cause("Finalizers", f"it waits for finalizers to be removed: {left}", step)]
    found = [cause for cause in (not_ready(facts, node),) if cause is not None]
    state = "Not ready" if found else "Ready"
    found += _pressures(node)
    if condition(node, "NetworkUnavailable").get("status") == "True":
        text = f"its network is not set up: {condition(node, 'NetworkUnavailable').get('message')}"
        found.append(Cause("NetworkUnavailable", text, "kubelite get pods -n kube-system -o wide"))
    if spec(node).get("unschedulable"):
        found.append(_cordoned(facts, node))
    for taint in spec(node).get("taints") or ():
        if taint.get("effect") in taints.FORBIDDING and not str(taint.get("key")).startswith(_OWN_TAINTS):
            value = f"={taint['value']}" if taint.get("value") else ""
            text = f"{taint.get('key')}{value}:{taint.get('effect')}"
            step = f"kubelite taint nodes {name_of(node)} {taint.get('key')}:{taint.get('effect')}-"
            found.append(Cause("Tainted", f"its taint {text} keeps away pods that do not tolerate it", step))
    return state, found


def _pressures(node: Object) -> list[Cause]:
    found = []
    for type_, what in _PRESSURES:
        got = condition(node, type_)
        if got.get("status") == "True":
            text = f"it is short of {what} ({got.get('message') or type_}); it takes no pods and evicts some"
            step = f"kubelite get pods -A --field-selector spec.nodeName={name_of(node)}"
            found.append(Cause(type_, text, step))
    return found


def _cordoned(facts: Facts, node: Object) -> Cause:
    step = f"kubelite uncordon {name_of(node)}"
    text = "it is cordoned: no new pods are placed there"
    for pod in facts.all("Pod"):
        if spec(pod).get("nodeName") != name_of(node) or status(pod).get("phase") in ("Succeeded", "Failed"):
            continue
        budgets = blocking_budgets(facts, pod)
        if budgets:
            blocked = f"pod {namespace_of(pod)}/{name_of(pod)} may not be evicted: the disruption budget {budgets[0]} allows none"
            look = f"kubelite describe pdb {budgets[0]} -n {namespace_of(pod)}"
            return Cause("Cordoned", text, step, because=Cause("EvictionBlocked", blocked, look))
    return Cause("Cordoned", text, step)
