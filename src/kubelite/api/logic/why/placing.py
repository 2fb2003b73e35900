"""Why a pod has no node: gates, claims, the scheduler's reasons counted by group of nodes, or nobody who looks at it.

What: `causes(facts, pod)`. Why: the event says how many nodes gave which reason; a user wants to know which nodes, and what about
them to change. Flow: gates → the scheduler's own verdict (`Facts.place`), else its last words → one cause for each kind of
reason, the one that holds for most nodes first, but nodes that the pod does not ask for last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from kubelite.api.logic import taints
from kubelite.api.logic.affinity import node_matches
from kubelite.api.logic.why import claims
from kubelite.api.logic.why.model import (
    Cause,
    Facts,
    Object,
    Placement,
    condition,
    flag,
    listed,
    meta,
    name_of,
    namespace_of,
    plural,
    spec,
    status,
)
from kubelite.api.types.core_v1 import PodSpec, Taint, Toleration

REQUIRED, ANYWAY = "requiredDuringSchedulingIgnoredDuringExecution", "ScheduleAnyway"
_COLUMNS = "NAME:.metadata.name,CPU:.status.allocatable.cpu,MEMORY:.status.allocatable.memory"
HOSTNAME = "kubernetes.io/hostname"
CORDONED = "cordoned, so that no new pods come there"
PATIENCE = 20.0
"""Seconds that a scheduler may take before its silence is a finding."""
_COUNTED = re.compile(r"(\d+) ([^\d,][^,]*?)(?=, \d+ |\.(?: |$)|$)")
_WORDS = {
    "node(s) had untolerated taint": "UntoleratedTaint",
    "node(s) were unschedulable": "NodesCordoned",
    "node(s) didn't match Pod's node affinity": "NodeSelectorMatchesNothing",
    "node(s) didn't match scheduler-enforced": "NodeSelectorMatchesNothing",
    "node(s) didn't satisfy plugin": "NodeSelectorMatchesNothing",
    "node(s) didn't match the requested node name": "NodeMissing",
    "node(s) didn't match pod topology spread": "TopologySpread",
    "node(s) didn't match pod affinity rules": "PodAffinity",
    "node(s) didn't match pod anti-affinity": "PodAntiAffinity",
    "node(s) didn't satisfy existing pods anti-affinity": "PodAntiAffinity",
    "node(s) didn't have free ports": "HostPortTaken",
    "node(s) didn't match PersistentVolume's node affinity": "VolumeElsewhere",
    "node(s) had no available volume zone": "VolumeElsewhere",
    "node(s) didn't find available persistent volumes": "ClaimUnbound",
    "node(s) did not have enough free storage": "StorageFull",
    "node(s) unavailable due to one or more pvc(s) bound": "VolumeMissing",
    "node(s) exceed max volume count": "TooManyVolumes",
    "node has pod using PersistentVolumeClaim": "ClaimInUse",
    "node(s) had no available disk": "DiskInUse",
    "cannot allocate all claims": "DevicesTaken",
    "Insufficient ": "InsufficientResources",
    "Too many pods": "TooManyPods",
}
"""How the scheduler's reasons begin → code."""


def code_of(reason: str) -> str:
    """The code of one of the scheduler's reasons; those of a user's plugin have one of their own."""
    return next((code for words, code in _WORDS.items() if reason.startswith(words)), "PluginRefused")


def causes(facts: Facts, pod: Object) -> list[Cause]:
    """Why a pod without node has none; never empty."""
    gates = [str(gate.get("name")) for gate in spec(pod).get("schedulingGates") or ()]
    if gates:
        text = f"scheduling gates hold it back: {listed(gates)}; whoever set them has to remove them"
        return [Cause("SchedulingGated", text, f"kubelite get pod {name_of(pod)}{flag(pod)} -o yaml")]
    scheduler = str(spec(pod).get("schedulerName") or "default-scheduler")
    said = condition(pod, "PodScheduled")
    if not said and scheduler not in facts.scheduler_names:
        text = f"it asks for the scheduler {scheduler}, and no scheduler of that name has looked at it"
        return [Cause("SchedulerAbsent", text, f"kubelite get pod {name_of(pod)}{flag(pod)} -o yaml")]
    if facts.read("Node") and not facts.all("Node"):
        return [Cause("NoNodes", "the cluster has no nodes", "kubelite get nodes")]
    promised = str(status(pod).get("nominatedNodeName") or "")
    if promised:
        return [_preemption(pod, promised)]
    verdict = facts.place(pod) if facts.place is not None else _parsed(str(said.get("message") or ""))
    if verdict.node and not said:
        silent = facts.seconds_since(meta(pod).get("creationTimestamp")) > PATIENCE
        return [_silence(scheduler) if silent else _soon(verdict.node)]
    if verdict.node:
        return [_soon(verdict.node)]
    return _refusals(facts, pod, verdict)


def _silence(scheduler: str) -> Cause:
    text = f"no scheduler has looked at it, although a node has room: {scheduler} does not run or does not lead"
    return Cause("SchedulerAbsent", text, "kubelite get leases -n kube-system")


def _soon(node: str) -> Cause:
    text = f"it has no node yet; the scheduler's rules would now put it on {node}"
    return Cause("AboutToBeScheduled", text, "kubelite get events")


def _preemption(pod: Object, node: str) -> Cause:
    text = f"it waits until pods of lower priority have left node {node}, which it is promised"
    return Cause("PreemptionPending", text, f"kubelite get pods -A --field-selector spec.nodeName={node}")


def _parsed(message: str) -> Placement:
    """The scheduler's last words, where it cannot be asked: reasons with numbers instead of names."""
    if ": " not in message:
        return Placement(message=message)
    body = message.split(": ", 1)[1].split(" preemption: ")[0].split(" no new claims")[0]
    reasons: dict[str, tuple[str, ...]] = {}
    for count, reason in _COUNTED.findall(body):
        key = plural(int(count), "node")
        while key in reasons:
            key = f"another {key}"
        reasons[key] = (reason.rstrip("."),)
    refused = "" if reasons else body.removesuffix(". not found").rstrip(".")
    return Placement(message=message, reasons=reasons, refused=refused, counted=True)


def _refusals(facts: Facts, pod: Object, verdict: Placement) -> list[Cause]:
    if verdict.refused or not verdict.reasons:
        found = claims.of_pod(facts, pod)
        if found is not None:
            return [found]
        text = verdict.refused or verdict.message or "no scheduler has said why"
        code = code_of(text) if code_of(text) != "PluginRefused" else "Unschedulable"
        return [Cause(code, text, f"kubelite describe pod {name_of(pod)}{flag(pod)}")]
    groups: dict[str, dict[str, tuple[str, ...]]] = {}
    for node, reasons in verdict.reasons.items():
        groups.setdefault(code_of(reasons[0]) if reasons else "PluginRefused", {})[node] = reasons
    total = len(verdict.reasons)
    meant = _meant(facts, pod, groups)
    ordered = sorted(groups.items(), key=lambda item: (meant and item[0] in NOT_MEANT, -len(item[1])))
    found_causes = [_group(facts, pod, verdict, code, nodes, total) for code, nodes in ordered]
    if verdict.room_on:
        names = listed(verdict.victims)
        text = f"preemption would make room on {verdict.room_on} by removing {names}"
        found_causes.append(Cause("PreemptionPossible", text))
    return found_causes


Group = Mapping[str, tuple[str, ...]]
NOT_MEANT = frozenset(("NodeSelectorMatchesNothing", "NodeMissing"))
"""Nodes that the pod does not ask for: they matter if there are no others."""
BEFORE_SELECTOR = frozenset(("UntoleratedTaint", "NodesCordoned"))
"""What the scheduler looks at before the node selector."""


def _meant(facts: Facts, pod: Object, groups: Mapping[str, Group]) -> bool:
    """Whether the pod's own selector leaves a node: then what is wrong with that node comes first."""
    if groups.keys() - NOT_MEANT - BEFORE_SELECTOR:
        return True
    chosen = {key: value for key, value in spec(pod).items() if key in ("nodeSelector", "affinity")}
    typed = msgspec.convert(chosen, PodSpec)
    early = [facts.get("Node", "", name) for code in BEFORE_SELECTOR & groups.keys() for name in groups[code]]
    return any(n is not None and node_matches(typed, meta(n).get("labels") or {}, name_of(n)) for n in early)


def _group(facts: Facts, pod: Object, verdict: Placement, code: str, nodes: Group, total: int) -> Cause:
    explain: dict[str, Callable[[Facts, Object, Placement, Group], Cause]] = {
        "InsufficientResources": _resources,
        "TooManyPods": _too_many_pods,
        "UntoleratedTaint": _taints,
        "NodesCordoned": _cordoned,
        "NodeSelectorMatchesNothing": _selector,
        "ClaimUnbound": _claim,
        "VolumeMissing": _claim,
    }
    where = listed(nodes) if verdict.counted else f"{len(nodes)} of {plural(total, 'node')} ({listed(nodes)})"
    cause = explain.get(code, _other)(facts, pod, verdict, nodes)
    return Cause(cause.code, f"{where}: {cause.text}", cause.step, cause.details, cause.because)


def _resources(facts: Facts, pod: Object, verdict: Placement, nodes: Group) -> Cause:
    short = sorted({r.removeprefix("Insufficient ") for rs in nodes.values() for r in rs if r.startswith("Insuff")})
    parts = []
    for name in short:
        free, most = verdict.free.get(name, ("", ""))
        asked = f"not enough {name}" + (f": it asks for {verdict.wanted[name]}" if name in verdict.wanted else "")
        parts.append(asked + (f", at most {free} of {most} is free" if free else ""))
    if verdict.too_large & set(short):
        text = f"{'; '.join(parts)}; it is too large for any node even if empty"
        return Cause("TooLargeForAnyNode", text, _change(pod, "request less, or add a larger node"))
    step = "kubelite describe nodes" if verdict.counted else f"kubelite describe node {next(iter(nodes))}"
    return Cause("InsufficientResources", "; ".join(parts), step)


def _change(pod: Object, _: str) -> str:
    for owner in meta(pod).get("ownerReferences") or ():
        if owner.get("controller"):
            kind, name = str(owner.get("kind")).lower(), str(owner.get("name"))
            if kind == "replicaset" and "-" in name:
                kind, name = "deployment", name.rpartition("-")[0]
            return f"kubelite edit {kind}/{name}{flag(pod)}"
    return f"kubelite get nodes -o custom-columns={_COLUMNS}"


def _too_many_pods(facts: Facts, pod: Object, verdict: Placement, nodes: Group) -> Cause:
    step = f"kubelite get pods -A --field-selector spec.nodeName={next(iter(nodes))}"
    return Cause("TooManyPods", "there are as many pods as a node may have", step)


def _taints(facts: Facts, pod: Object, verdict: Placement, nodes: Group) -> Cause:
    tolerations = msgspec.convert(spec(pod).get("tolerations") or [], list[Toleration])
    keys: dict[str, list[str]] = {}
    for name in nodes:
        node = facts.get("Node", "", name) or {}
        bad = taints.find_untolerated(msgspec.convert(spec(node).get("taints") or [], list[Taint]), tolerations)
        if bad is not None:
            keys.setdefault(f"{bad.key}{'=' + bad.value if bad.value else ''}:{bad.effect}", []).append(name)
    if not keys:
        reason = next(iter(nodes.values()))[0]
        return Cause("UntoleratedTaint", reason, "kubelite describe nodes")
    first = max(keys, key=lambda key: len(keys[key]))
    bare = first.split("=")[0].rpartition(":")[0] or first.split("=")[0]
    example = keys[first][0]
    if bare in (taints.NOT_READY, taints.UNREACHABLE):
        return Cause("NodesNotReady", "not ready", f"kubelite why node/{example}")
    if bare == taints.UNSCHEDULABLE:
        return Cause("NodesCordoned", CORDONED, f"kubelite uncordon {example}")
    pressures = (taints.MEMORY_PRESSURE, taints.DISK_PRESSURE, taints.PID_PRESSURE, taints.NETWORK_UNAVAILABLE)
    if bare in pressures:
        text = f"{bare.rpartition('/')[2].replace('-', ' ')}"
        return Cause("NodePressure", text, f"kubelite why node/{example}")
    text = f"the pod does not tolerate the taint {listed(keys)}"
    return Cause("UntoleratedTaint", text, f"kubelite taint nodes {example} {first}-")


def _cordoned(facts: Facts, pod: Object, verdict: Placement, nodes: Group) -> Cause:
    return Cause("NodesCordoned", CORDONED, f"kubelite uncordon {next(iter(nodes))}")


def _selector(facts: Facts, pod: Object, verdict: Placement, nodes: Group) -> Cause:
    wanted = spec(pod).get("nodeSelector") or {}
    code = "NodeSelectorMatchesNothing"
    if not wanted:
        text = "without the labels that the pod's node affinity asks for"
        return Cause(code, text, "kubelite get nodes --show-labels")
    shown = ",".join(f"{key}={value}" for key, value in wanted.items())
    have: dict[str, set[str]] = {}
    for node in facts.all("Node"):
        for key in wanted:
            if key in (meta(node).get("labels") or {}):
                have.setdefault(key, set()).add(meta(node)["labels"][key])
    details = [
        f"nodes have {key}={'|'.join(sorted(have[key])[:4])}" if key in have else f"no node has the label {key}"
        for key, value in wanted.items()
        if value not in have.get(key, set())
    ]
    step = f"kubelite label node {next(iter(nodes))} {shown.replace(',', ' ')}"
    if HOSTNAME in wanted:
        step = "kubelite get nodes --show-labels"
    return Cause(code, f"without the labels {shown}, which the pod's nodeSelector asks for", step, tuple(details))


def _claim(facts: Facts, pod: Object, verdict: Placement, nodes: Group) -> Cause:
    found = claims.of_pod(facts, pod)
    reason = next(iter(nodes.values()))[0]
    return found or Cause("ClaimUnbound", reason, f"kubelite get pvc{flag(pod)}")


_OTHERS = {
    "TopologySpread": "another pod there would break the topology spread constraints (maxSkew)",
    "PodAffinity": "the pods that its affinity wants near it are not there",
    "PodAntiAffinity": "anti-affinity keeps it away from pods that are there",
    "HostPortTaken": "the host port that it asks for is taken",
    "VolumeElsewhere": "its volume can be reached from other nodes only",
    "TooManyVolumes": "as many volumes are attached as the driver allows",
    "ClaimInUse": "another pod uses the claim, which only one pod may (ReadWriteOncePod)",
    "StorageFull": "the storage there has not enough room for the claim",
    "NodeMissing": "not the node that it names",
    "DevicesTaken": "no devices are free that suit its resource claims",
}


def _text(pod: Object, code: str, reason: tuple[str, ...]) -> str:
    """The rule in the pod's own words, as far as it is the pod's."""
    first = reason[0] if reason else ""
    if code == "TopologySpread":
        rules = [
            one for one in spec(pod).get("topologySpreadConstraints") or () if one.get("whenUnsatisfiable") != ANYWAY
        ]
        keys = listed(dict.fromkeys(str(one.get("topologyKey")) for one in rules))
        if "missing required label" in first:
            return f"without the label {keys}, over which its topologySpreadConstraints spread it"
        if keys:
            return f"another pod there would be more than maxSkew allows over {keys} (topologySpreadConstraints)"
    if first.startswith("node(s) didn't satisfy existing pods"):
        return "pods that run there do not want it near them (their anti-affinity)"
    kind = {"PodAffinity": "podAffinity", "PodAntiAffinity": "podAntiAffinity"}.get(code)
    terms = ((spec(pod).get("affinity") or {}).get(kind or "") or {}).get(REQUIRED) or ()
    if terms:
        what = listed(f"{_labels(one)} in the same {one.get('topologyKey')}" for one in terms)
        return f"no pod with {what}" if code == "PodAffinity" else f"pods are there with {what}, which it avoids"
    if code == "HostPortTaken":
        ports = [p for c in spec(pod).get("containers") or () for p in c.get("ports") or () if p.get("hostPort")]
        return f"its host port {listed(str(port['hostPort']) for port in ports)} is taken"
    return _OTHERS.get(code, ", ".join(reason))


def _labels(term: Object) -> str:
    """The selector of a term, in short."""
    selector = term.get("labelSelector") or {}
    found = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    found += [f"{one.get('key')} {one.get('operator')}" for one in selector.get("matchExpressions") or ()]
    return ",".join(found) or "any labels"


def _other(facts: Facts, pod: Object, verdict: Placement, nodes: Group) -> Cause:
    reason = next(iter(nodes.values()))
    code = code_of(reason[0]) if reason else "PluginRefused"
    text = _text(pod, code, reason)
    step = f"kubelite get pods -n {namespace_of(pod)} -o wide --show-labels"
    if code == "VolumeElsewhere":
        step = f"kubelite describe pvc{flag(pod)}"
    if code == "DevicesTaken":
        step = "kubelite get resourceclaims,resourceslices,deviceclasses -A"
    return Cause(code, text, step)
