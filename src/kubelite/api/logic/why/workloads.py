"""Why a Deployment, ReplicaSet, ReplicationController, StatefulSet, DaemonSet or Job has not what it wants.

What: `(state, causes)` for each kind. Flow: what its controller says it may not create → what its own settings stop → the worst
of its pods, whose cause it shares.
"""

from __future__ import annotations

import re

from kubelite.api.logic.why.model import (
    Cause,
    Facts,
    Object,
    condition,
    controlled,
    flag,
    meta,
    name_of,
    namespace_of,
    spec,
    status,
)
from kubelite.api.logic.why.pod import of_pod, unhappy, worst_first

Answered = tuple[str, list[Cause]]
JOB_CONTROLLER = "kubernetes.io/job-controller"
_REFUSALS = (
    ("QuotaExceeded", re.compile(r"exceeded quota"), "the quota of its namespace does not allow more"),
    (
        "QuotaNeedsRequests",
        re.compile(r"failed quota"),
        "the quota of its namespace wants requests or limits that its pods do not state",
    ),
    (
        "ForbiddenByPodSecurity",
        re.compile(r"violates PodSecurity"),
        "the pod security level of its namespace forbids such pods",
    ),
    ("WebhookDenied", re.compile(r"admission webhook .* denied"), "an admission webhook forbids them"),
    (
        "WebhookUnreachable",
        re.compile(r"failed calling webhook"),
        "an admission webhook that must agree does not answer",
    ),
    ("PolicyDenied", re.compile(r"ValidatingAdmissionPolicy .* denied"), "an admission policy forbids them"),
    (
        "ServiceAccountMissing",
        re.compile(r"serviceaccount .*not found|error looking up service account"),
        "its service account does not exist",
    ),
    ("PriorityClassMissing", re.compile(r"no PriorityClass"), "its priority class does not exist"),
    (
        "LimitRangeExceeded",
        re.compile(r"(maximum|minimum) .* usage per|limit to request ratio"),
        "the limits of its namespace forbid such pods",
    ),
    ("NamespaceTerminating", re.compile(r"being terminated"), "its namespace is being deleted"),
)
_STEPS = {
    "QuotaExceeded": "describe quota{flag}",
    "QuotaNeedsRequests": "describe quota{flag}",
    "ForbiddenByPodSecurity": "get namespace {namespace} --show-labels",
    "WebhookDenied": "get validatingwebhookconfigurations,mutatingwebhookconfigurations",
    "WebhookUnreachable": "get validatingwebhookconfigurations,mutatingwebhookconfigurations",
    "PolicyDenied": "get validatingadmissionpolicies",
    "ServiceAccountMissing": "get serviceaccounts{flag}",
    "PriorityClassMissing": "get priorityclasses",
    "LimitRangeExceeded": "describe limitrange{flag}",
    "NamespaceTerminating": "why namespace/{namespace}",
}


def _refused(obj: Object, message: str) -> Cause:
    """Why the API server does not let a controller create a pod."""
    for code, pattern, text in _REFUSALS:
        if pattern.search(message):
            step = _STEPS[code].format(flag=flag(obj), namespace=namespace_of(obj))
            named = re.search(r'serviceaccount "([^"]+)" not found', message)
            if code == "ServiceAccountMissing" and named:
                step = f"create serviceaccount {named[1]}{flag(obj)}"
            return Cause(
                code, f"its pods cannot be created: {text}", f"kubelite {step}", (f"the server's words: {message}",)
            )
    step = f"kubelite events{flag(obj)} --types=Warning"
    return Cause("CreateFailed", f"its pods cannot be created: {message}", step)


def _creation(facts: Facts, kind: str, obj: Object) -> Cause | None:
    """What the controller's last attempt to create a pod came to, if it failed and nothing was created since."""
    failed = condition(obj, "ReplicaFailure")
    if failed.get("status") == "True" and failed.get("reason") != "FailedDelete":
        return _refused(obj, str(failed.get("message") or ""))
    events = facts.events(kind, obj, "FailedCreate", "SuccessfulCreate")
    if events and events[0].get("reason") == "FailedCreate":
        return _refused(obj, str(events[0].get("message") or ""))
    return None


def _worst(facts: Facts, pods: list[Object]) -> Cause | None:
    """The first pod that is not well, with its cause."""
    bad = worst_first(pods)
    for pod in bad:
        state, causes = of_pod(facts, pod)
        if causes:
            verb = "is" if len(bad) == 1 else "are"
            text = f"{len(bad)} of its {len(pods)} pods {verb} not well; {name_of(pod)}: {state}"
            step = f"kubelite why pod/{name_of(pod)}{flag(pod)}"
            return Cause("PodsNotReady", text, step, because=causes[0])
    return None


def _step(kind: str, obj: Object) -> str:
    return f"kubelite describe {kind} {name_of(obj)}{flag(obj)}"


def of_deployment(facts: Facts, obj: Object) -> Answered:
    wanted = int(spec(obj).get("replicas", 1))
    available = int(status(obj).get("availableReplicas") or 0)
    updated = int(status(obj).get("updatedReplicas") or 0)
    sets = controlled(facts.all("ReplicaSet", namespace_of(obj)), obj)
    if spec(obj).get("paused") and (updated < wanted or available < wanted):
        text = "it is paused: changes of its pod template are not rolled out"
        return "Paused", [Cause("Paused", text, f"kubelite rollout resume deployment/{name_of(obj)}{flag(obj)}")]
    if _stale(obj):
        return "Not observed", [_unobserved("deployment", obj)]
    if available >= wanted and updated >= wanted and int(status(obj).get("replicas") or 0) <= wanted:
        return ("Scaled to zero" if wanted == 0 else "Ready"), []
    refused = next((c for c in (_creation(facts, "ReplicaSet", s) for s in sets) if c is not None), None)
    failed = condition(obj, "ReplicaFailure")
    if refused is None and failed.get("status") == "True":
        refused = _refused(obj, str(failed.get("message") or ""))
    pods = [p for s in sets for p in controlled(facts.all("Pod", namespace_of(obj)), s)]
    reason = refused or _worst(facts, pods)
    state = f"{available} of {wanted} available"
    progress = condition(obj, "Progressing")
    if progress.get("reason") == "ProgressDeadlineExceeded":
        text = (
            f"it has made no progress for {spec(obj).get('progressDeadlineSeconds', 600)} s (progressDeadlineSeconds)"
        )
        step = f"kubelite rollout undo deployment/{name_of(obj)}{flag(obj)}"
        return state, [Cause("ProgressDeadlineExceeded", text, step, because=reason)]
    return state, [reason or _waiting("deployment", obj)]


def _stale(obj: Object) -> bool:
    return int(status(obj).get("observedGeneration") or 0) < int(meta(obj).get("generation") or 0)


def _unobserved(kind: str, obj: Object) -> Cause:
    text = "no controller has looked at it since it was changed: the controller manager does not run or does not lead"
    return Cause("ControllerAbsent", text, "kubelite get leases -n kube-system")


def _waiting(kind: str, obj: Object) -> Cause:
    return Cause("InProgress", "its pods are being created or replaced; nothing has failed", _step(kind, obj))


def of_replica_set(facts: Facts, obj: Object) -> Answered:
    return _replicas(facts, "ReplicaSet", obj)


def of_replication_controller(facts: Facts, obj: Object) -> Answered:
    return _replicas(facts, "ReplicationController", obj)


def _replicas(facts: Facts, kind: str, obj: Object) -> Answered:
    wanted, ready = int(spec(obj).get("replicas", 1)), int(status(obj).get("readyReplicas") or 0)
    if ready >= wanted:
        return ("Scaled to zero" if wanted == 0 else "Ready"), []
    if _stale(obj):
        return "Not observed", [_unobserved(kind.lower(), obj)]
    pods = controlled(facts.all("Pod", namespace_of(obj)), obj)
    reason = _creation(facts, kind, obj) or _worst(facts, pods)
    return f"{ready} of {wanted} ready", [reason or _waiting(kind.lower(), obj)]


def of_stateful_set(facts: Facts, obj: Object) -> Answered:
    wanted, ready = int(spec(obj).get("replicas", 1)), int(status(obj).get("readyReplicas") or 0)
    updated = int(status(obj).get("updatedReplicas") or 0)
    if ready >= wanted and (updated >= wanted or (spec(obj).get("updateStrategy") or {}).get("type") == "OnDelete"):
        return ("Scaled to zero" if wanted == 0 else "Ready"), []
    if _stale(obj):
        return "Not observed", [_unobserved("statefulset", obj)]
    state = f"{ready} of {wanted} ready"
    refused = _creation(facts, "StatefulSet", obj)
    if refused is not None:
        return state, [refused]
    pods = {name_of(p): p for p in controlled(facts.all("Pod", namespace_of(obj)), obj)}
    first = int((spec(obj).get("ordinals") or {}).get("start") or 0)
    ordered = spec(obj).get("podManagementPolicy") != "Parallel"
    for ordinal in range(first, first + wanted):
        pod = pods.get(f"{name_of(obj)}-{ordinal}")
        if pod is None or not unhappy(pod):
            continue
        _, causes = of_pod(facts, pod)
        later = first + wanted - 1 - ordinal
        waits = f"; {later} with higher ordinals wait for it" if ordered and later and len(pods) < wanted else ""
        text = f"pod {name_of(pod)} is not ready{waits}"
        step = f"kubelite why pod/{name_of(pod)}{flag(pod)}"
        return state, [Cause("WaitsForOrdinal", text, step, because=causes[0] if causes else None)]
    return state, [_waiting("statefulset", obj)]


def of_daemon_set(facts: Facts, obj: Object) -> Answered:
    got = status(obj)
    wanted, ready = int(got.get("desiredNumberScheduled") or 0), int(got.get("numberReady") or 0)
    if _stale(obj):
        return "Not observed", [_unobserved("daemonset", obj)]
    if wanted == 0:
        text = (
            "no node is meant for it: its node selector, or taints that it does not tolerate, keep it from all of them"
        )
        return "No nodes", [
            Cause("NoNodeWanted", text, "kubelite get nodes --show-labels", tuple(_kept_away(facts, obj)))
        ]
    if ready >= wanted and int(got.get("updatedNumberScheduled") or wanted) >= wanted:
        return "Ready", []
    pods = controlled(facts.all("Pod", namespace_of(obj)), obj)
    reason = _creation(facts, "DaemonSet", obj) or _worst(facts, pods)
    return f"{ready} of {wanted} ready", [reason or _waiting("daemonset", obj)]


def _kept_away(facts: Facts, obj: Object) -> list[str]:
    template = spec(obj).get("template") or {}
    wanted = (template.get("spec") or {}).get("nodeSelector") or {}
    found = []
    for node in facts.all("Node")[:5]:
        labels = meta(node).get("labels") or {}
        wrong = [f"{k}={v}" for k, v in wanted.items() if labels.get(k) != v]
        taints = [str(t.get("key")) for t in spec(node).get("taints") or () if t.get("effect") != "PreferNoSchedule"]
        if wrong or taints:
            why = f"has not the labels {','.join(wrong)}" if wrong else f"has the taint {taints[0]}"
            found.append(f"node {name_of(node)} {why}")
    return found


def of_job(facts: Facts, obj: Object) -> Answered:
    failed = condition(obj, "Failed")
    if condition(obj, "Complete").get("status") == "True":
        return "Complete", []
    pods = controlled(facts.all("Pod", namespace_of(obj)), obj)
    logs = f"kubelite logs job/{name_of(obj)}{flag(obj)}"
    if failed.get("status") == "True":
        return "Failed", [_failed_job(facts, obj, failed, pods, logs)]
    if spec(obj).get("suspend"):
        step = f'kubelite patch job {name_of(obj)}{flag(obj)} -p \'{{"spec":{{"suspend":false}}}}\''
        return "Suspended", [Cause("Suspended", "it is suspended (spec.suspend)", step)]
    manager = str(spec(obj).get("managedBy") or JOB_CONTROLLER)
    if manager != JOB_CONTROLLER and not status(obj):
        text = f"it is left to {manager} (spec.managedBy), which has said nothing"
        return "Not observed", [Cause("ManagedElsewhere", text, f"kubelite get job {name_of(obj)}{flag(obj)} -o yaml")]
    refused = _creation(facts, "Job", obj)
    if refused is not None:
        return "Running", [refused]
    living = [p for p in pods if status(p).get("phase") not in ("Succeeded", "Failed")]
    running = [p for p in living if status(p).get("phase") == "Running" and not _crashing(p)]
    if living and not running:
        worst = _worst(facts, living)
        if worst is not None:
            return "Running", [worst]
    broken = int(status(obj).get("failed") or 0)
    if broken and not running:
        limit = spec(obj).get("backoffLimit", 6)
        text = f"{broken} of its pods have failed; it gives up after {limit} retries"
        return "Running", [Cause("PodsFail", text, logs, because=_last_failure(facts, pods))]
    return ("Running" if pods or running else "Starting"), []


def _crashing(pod: Object) -> bool:
    return any((s.get("state") or {}).get("waiting") for s in status(pod).get("containerStatuses") or ())


def _last_failure(facts: Facts, pods: list[Object]) -> Cause | None:
    failed = [p for p in pods if status(p).get("phase") == "Failed"]
    found = of_pod(facts, failed[-1])[1] if failed else []
    return found[0] if found else None


def _failed_job(facts: Facts, obj: Object, failed: Object, pods: list[Object], logs: str) -> Cause:
    reason, because = str(failed.get("reason") or "Failed"), _last_failure(facts, pods)
    if reason == "BackoffLimitExceeded":
        text = f"its pods failed more often than its backoffLimit ({spec(obj).get('backoffLimit', 6)}) allows"
        return Cause(reason, text, logs, because=because)
    if reason == "DeadlineExceeded":
        text = f"it took longer than its activeDeadlineSeconds ({spec(obj).get('activeDeadlineSeconds')})"
        return Cause(reason, text, logs, because=because)
    return Cause(reason, str(failed.get("message") or "it has failed"), logs, because=because)
