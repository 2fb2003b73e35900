"""Why a pod is not well, in the order of its life: placed, prepared, started, ready, gone.

What: `of_pod(facts, pod)` → (state, causes); no causes for a pod that is well or has finished its work.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubelite.api.logic.why import claims, placing
from kubelite.api.logic.why.containers import of_container, probe_answer, settings
from kubelite.api.logic.why.model import (
    Cause,
    Facts,
    Object,
    condition,
    finalizers_left,
    flag,
    meta,
    name_of,
    namespace_of,
    selects,
    spec,
    status,
)

SLOW_START = 20.0
"""Seconds after which silence of the kubelet, or a container that is being created, is a finding."""
_PREPARING = (
    "FailedCreatePodSandBox",
    "FailedMount",
    "FailedAttachVolume",
    "NetworkNotReady",
    "FailedCreatePodContainer",
)


def of_pod(facts: Facts, pod: Object) -> tuple[str, list[Cause]]:
    """(the state in a word or two, why it is not well)."""
    phase = str(status(pod).get("phase") or "Pending")
    if meta(pod).get("deletionTimestamp"):
        return "Terminating", [_terminating(facts, pod)]
    if phase == "Succeeded":
        return "Completed", []
    if phase == "Failed":
        return "Failed", [_failed(facts, pod)]
    if not spec(pod).get("nodeName"):
        return "Pending", placing.causes(facts, pod)
    lost = _node(facts, pod)
    if lost is not None:
        return ("Not ready" if phase == "Running" else phase), [lost]
    found = _init(facts, pod) or _containers(facts, pod) or _preparing(facts, pod)
    if found:
        return _state(pod, found[0]), found
    if condition(pod, "Ready").get("status") == "True":
        return "Ready", []
    return ("Not ready" if phase == "Running" else phase), _not_ready(facts, pod)


def _state(pod: Object, cause: Cause) -> str:
    if cause.code == "CrashLoopBackOff":
        return cause.code
    return "Not ready" if status(pod).get("phase") == "Running" else "Pending"


def unhappy(pod: Object) -> bool:
    """Whether a pod deserves a question, by its status alone: cheap, for lists."""
    if meta(pod).get("deletionTimestamp"):
        return True
    phase = status(pod).get("phase")
    if phase == "Succeeded":
        return False
    return phase != "Running" or condition(pod, "Ready").get("status") != "True"


def worst_first(pods: Iterable[Object]) -> list[Object]:
    """The pods that are not well: those that stay before those that go, by ordinal."""
    bad = (pod for pod in pods if unhappy(pod))
    return sorted(bad, key=lambda p: (bool(meta(p).get("deletionTimestamp")), len(name_of(p)), name_of(p)))


# --- the node ---------------------------------------------------------------------------------------------------------


def _node(facts: Facts, pod: Object) -> Cause | None:
    name = str(spec(pod).get("nodeName"))
    if facts.missing("Node", "", name):
        text = f"its node {name} does not exist"
        return Cause("NodeMissing", text, f"kubelite delete pod {name_of(pod)}{flag(pod)}")
    node = facts.get("Node", "", name)
    if node is None or condition(pod, "Ready").get("status") == "True":
        return None
    ready = condition(node, "Ready")
    if ready and ready.get("status") != "True":
        from kubelite.api.logic.why.node import not_ready

        text = f"its node {name} is not ready, so nobody runs its containers or tells how they are"
        return Cause("NodeNotReady", text, f"kubelite why node/{name}", because=not_ready(facts, node))
    return None


# --- containers -------------------------------------------------------------------------------------------------------


def _spec_of(pod: Object, field: str, name: str) -> Object:
    return next((c for c in spec(pod).get(field) or () if c.get("name") == name), {})


def _init(facts: Facts, pod: Object) -> list[Cause]:
    for state in status(pod).get("initContainerStatuses") or ():
        name = str(state.get("name"))
        container = _spec_of(pod, "initContainers", name)
        cause = of_container(facts, pod, state, container)
        if cause is not None:
            text = f"the init container {name} must succeed before the others start, and has not"
            return [Cause("InitContainerFails", text, because=cause)]
        running = (state.get("state") or {}).get("running")
        if running and container.get("restartPolicy") != "Always":
            age = facts.age(running.get("startedAt"))
            text = f"the init container {name} has been running for {age}; the others start when it ends"
            return [Cause("InitContainerRuns", text, f"kubelite logs {name_of(pod)} -c {name}{flag(pod)}")]
        if running and not state.get("started"):
            answer = probe_answer(facts, pod, name, "Startup")
            text = f"the sidecar {name} has not passed its startup probe" + (f": {answer}" if answer else "")
            return [Cause("StartupProbeFails", text, f"kubelite logs {name_of(pod)} -c {name}{flag(pod)}")]
    return []


def _containers(facts: Facts, pod: Object) -> list[Cause]:
    found = []
    for state in status(pod).get("containerStatuses") or ():
        cause = of_container(facts, pod, state, _spec_of(pod, "containers", str(state.get("name"))))
        if cause is not None:
            found.append(cause)
    return found


# --- preparation ------------------------------------------------------------------------------------------------------


def _preparing(facts: Facts, pod: Object) -> list[Cause]:
    """The sandbox, its network, its volumes: what happens before the first container."""
    states = [*(status(pod).get("initContainerStatuses") or ()), *(status(pod).get("containerStatuses") or ())]
    if any("waiting" not in (state.get("state") or {"waiting": {}}) for state in states):
        return []
    missing = _missing_objects(facts, pod)
    if missing is not None:
        return [missing]
    claim = claims.of_pod(facts, pod)
    if claim is not None:
        return [claim]
    for event in facts.events("Pod", pod, *_PREPARING):
        return [_event(pod, str(event.get("reason")), str(event.get("message") or ""))]
    node = str(spec(pod).get("nodeName"))
    if not states and facts.seconds_since(condition(pod, "PodScheduled").get("lastTransitionTime")) > SLOW_START:
        text = f"the kubelet of node {node} has not begun with it"
        return [Cause("KubeletSilent", text, f"kubelite why node/{node}")]
    age = facts.age(status(pod).get("startTime") or meta(pod).get("creationTimestamp"))
    text = f"node {node} is preparing it (for {age}); nothing has failed"
    return [Cause("BeingCreated", text, f"kubelite events --for pod/{name_of(pod)}{flag(pod)}")]


def _event(pod: Object, reason: str, message: str) -> Cause:
    step = f"kubelite describe pod {name_of(pod)}{flag(pod)}"
    if reason in ("FailedMount", "FailedAttachVolume"):
        if "not found" in message and ("configmap" in message.lower() or "secret" in message.lower()):
            return settings(pod, message, "a volume")
        what = "attached to the node" if reason == "FailedAttachVolume" else "mounted"
        return Cause("MountFailed", f"a volume cannot be {what}: {message}", step)
    lowered = message.lower()
    if reason == "NetworkNotReady" or "network" in lowered or "cni" in lowered:
        text = f"the node cannot give it a network: {message}"
        return Cause("NetworkNotReady", text, f"kubelite why node/{spec(pod).get('nodeName')}")
    return Cause("SandboxFailed", f"the node cannot make its sandbox: {message}", step)


def _references(pod: Object) -> list[tuple[str, str, str]]:
    """(kind, name, where) of each ConfigMap and Secret that must be there."""
    found = []
    for volume in spec(pod).get("volumes") or ():
        where = f"volume {volume.get('name')}"
        sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        for source in sources:
            for field, kind, key in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "")):
                ref = source.get(field)
                if ref and not ref.get("optional"):
                    name = ref.get(key or "secretName") or ref.get("name")
                    found.append((kind, str(name), where))
    for container in [*(spec(pod).get("initContainers") or ()), *(spec(pod).get("containers") or ())]:
        where = f"container {container.get('name')}"
        refs = list(container.get("envFrom") or ())
        refs += [variable.get("valueFrom") or {} for variable in container.get("env") or ()]
        for ref in refs:
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                found += _named(ref.get(field), kind, where)
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                found += _named(ref.get(field), kind, where)
    return found


def _named(ref: Object | None, kind: str, where: str) -> list[tuple[str, str, str]]:
    return [(kind, str(ref.get("name")), where)] if ref and not ref.get("optional") else []


def references(pod: Object) -> list[tuple[str, str]]:
    """(kind, name) of the objects that the pod cannot start without, and of its pull secrets."""
    found = [(kind, name) for kind, name, _ in _references(pod)]
    found += [("Secret", str(ref.get("name"))) for ref in spec(pod).get("imagePullSecrets") or ()]
    return list(dict.fromkeys(found))


def _missing_objects(facts: Facts, pod: Object) -> Cause | None:
    for kind, name, where in _references(pod):
        if facts.missing(kind, namespace_of(pod), name):
            return settings(pod, f'{kind.lower()} "{name}" not found', where)
    return None


# --- readiness --------------------------------------------------------------------------------------------------------


def _not_ready(facts: Facts, pod: Object) -> list[Cause]:
    found = []
    for state in status(pod).get("containerStatuses") or ():
        if state.get("ready"):
            continue
        name = str(state.get("name"))
        container = _spec_of(pod, "containers", name)
        kind = "Startup" if container.get("startupProbe") and not state.get("started") else "Readiness"
        answer = probe_answer(facts, pod, name, kind)
        text = f"container {name} runs, but its {kind.lower()} probe has not passed"
        text += f": {answer}" if answer else ""
        probe = container.get(f"{kind.lower()}Probe")
        details = (f"the probe: {_probe(probe)}",) if probe else ()
        step = f"kubelite logs {name_of(pod)} -c {name}{flag(pod)}"
        found.append(Cause(f"{kind}ProbeFails", text, step, details))
    if found:
        return found
    for gate in spec(pod).get("readinessGates") or ():
        type_ = str(gate.get("conditionType"))
        if condition(pod, type_).get("status") != "True":
            text = f"its readiness gate {type_} is not met; whoever watches over that condition has to set it"
            found.append(Cause("ReadinessGate", text, f"kubelite get pod {name_of(pod)}{flag(pod)} -o yaml"))
    if found:
        return found
    text = str(condition(pod, "Ready").get("message") or "the kubelet has not said that it is ready")
    return [Cause("NotReady", text, f"kubelite describe pod {name_of(pod)}{flag(pod)}")]


def _probe(probe: Object) -> str:
    for kind in ("httpGet", "tcpSocket", "grpc"):
        if probe.get(kind):
            got = probe[kind]
            return f"{kind} port {got.get('port')}{' ' + got['path'] if got.get('path') else ''}"
    return "exec " + " ".join((probe.get("exec") or {}).get("command") or ())


# --- the end ----------------------------------------------------------------------------------------------------------


def _failed(facts: Facts, pod: Object) -> Cause:
    reason, message = str(status(pod).get("reason") or ""), str(status(pod).get("message") or "")
    step = f"kubelite delete pod {name_of(pod)}{flag(pod)}"
    if reason == "Evicted":
        return Cause("Evicted", f"its node evicted it: {message.rstrip('. ')}", step)
    if reason == "DeadlineExceeded":
        return Cause(
            "DeadlineExceeded", f"it ran longer than its activeDeadlineSeconds allows: {message.rstrip('. ')}", step
        )
    if reason and message:
        return Cause(reason if reason.isalnum() else "Failed", f"{reason}: {message}", step)
    found = _init(facts, pod) or _containers(facts, pod)
    return found[0] if found else Cause("Failed", message or "its containers have failed", step)


def _terminating(facts: Facts, pod: Object) -> Cause:
    finalizers = meta(pod).get("finalizers") or ()
    grace = float(meta(pod).get("deletionGracePeriodSeconds") or 0)
    node_name = str(spec(pod).get("nodeName") or "")
    node = facts.get("Node", "", node_name) or {}
    force = f"kubelite delete pod {name_of(pod)}{flag(pod)} --force --grace-period=0"
    states = status(pod).get("containerStatuses") or ()
    stopped = bool(states) and all("terminated" in (state.get("state") or {}) for state in states)
    if finalizers and (stopped or not node_name or status(pod).get("phase") in ("Succeeded", "Failed")):
        return finalizers_left("pod", pod)
    if node_name and facts.missing("Node", "", node_name):
        return Cause("NodeMissing", f"its node {node_name} no longer exists, so nobody can stop it", force)
    ready = condition(node, "Ready")
    if ready and ready.get("status") != "True":
        from kubelite.api.logic.why.node import not_ready

        text = f"its node {node_name} is not ready: nobody can say whether its containers have stopped"
        return Cause("DeadNode", text, force, because=not_ready(facts, node))
    # deletionTimestamp is when the grace period ends.
    over = facts.seconds_since(meta(pod).get("deletionTimestamp"))
    if over <= 0:
        text = f"its containers have {-over:.0f} of {grace:.0f} seconds left to stop"
        return Cause("GracePeriod", text, f"kubelite get pod {name_of(pod)}{flag(pod)} --watch")
    if finalizers:
        return finalizers_left("pod", pod)
    failed = facts.events("Pod", pod, "FailedKillPod", "FailedPreStopHook", "FailedUnmount")
    because = Cause("KillFailed", str(failed[0].get("message"))) if failed else None
    text = f"its grace period ended {over:.0f} s ago, and node {node_name} has not stopped it"
    return Cause("KubeletSilent", text, f"kubelite why node/{node_name}", because=because)


def blocking_budgets(facts: Facts, pod: Object) -> list[str]:
    """Disruption budgets that forbid to evict the pod now."""
    labels = meta(pod).get("labels") or {}
    return [
        name_of(budget)
        for budget in facts.all("PodDisruptionBudget", namespace_of(pod))
        if not status(budget).get("disruptionsAllowed") and selects(spec(budget).get("selector"), labels)
    ]
