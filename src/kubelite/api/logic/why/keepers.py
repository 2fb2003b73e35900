"""Why a HorizontalPodAutoscaler does not scale, a CronJob makes no Jobs, or a PodDisruptionBudget lets nobody go.

What: `(state, causes)` for each kind. Flow: the object's own settings → what its controller says in its conditions and events →
for a CronJob the last of its Jobs, whose cause it shares; for a budget the pods that are not healthy.
"""

from __future__ import annotations

from kubelite.api.logic.why import workloads
from kubelite.api.logic.why.model import (
    Cause,
    Facts,
    Object,
    condition,
    controlled,
    event_time,
    flag,
    listed,
    meta,
    name_of,
    namespace_of,
    plural,
    selects,
    spec,
    status,
)
from kubelite.api.logic.why.pod import of_pod, unhappy, worst_first

Answered = tuple[str, list[Cause]]
_NO_METRICS_API = (
    "could not find the requested resource",
    "the server is currently unable",
    "no metrics returned from",
)


def of_autoscaler(facts: Facts, obj: Object) -> Answered:
    """Conditions in the order in which the controller works: the target's scale, the metrics."""
    target = spec(obj).get("scaleTargetRef") or {}
    whose = f"{str(target.get('kind')).lower()}/{target.get('name')}"
    able, active = condition(obj, "AbleToScale"), condition(obj, "ScalingActive")
    step = f"kubelite describe hpa {name_of(obj)}{flag(obj)}"
    if not able and not active:
        return "Not observed", [Cause("ControllerAbsent", "no controller has looked at it yet", step)]
    if able.get("status") == "False" and able.get("reason") == "FailedGetScale":
        text = f"what it scales, {whose}, cannot be read: {able.get('message')}"
        return "Not scaling", [Cause("TargetMissing", text, f"kubelite get {whose}{flag(obj)}")]
    if able.get("status") == "False":
        return "Not scaling", [Cause("CannotScale", str(able.get("message")), step)]
    if active.get("status") == "False":
        return "Not scaling", [_inactive(obj, active, whose, step)]
    limited = condition(obj, "ScalingLimited")
    replicas = int(status(obj).get("currentReplicas") or 0)
    if limited.get("status") == "True" and limited.get("reason") == "TooManyReplicas":
        text = f"it wants more replicas than its maxReplicas ({spec(obj).get('maxReplicas')}) allow"
        return f"{replicas} replicas", [Cause("AtMaximum", text, f"kubelite edit hpa {name_of(obj)}{flag(obj)}")]
    return f"{plural(replicas, 'replica')}", []


def _inactive(obj: Object, active: Object, whose: str, step: str) -> Cause:
    reason, message = str(active.get("reason") or ""), str(active.get("message") or "")
    words = (f"the controller's words: {message}",)
    if reason == "ScalingDisabled":
        text = f"{whose} is scaled to zero, which switches autoscaling off"
        return Cause("ScaledToZero", text, f"kubelite scale {whose}{flag(obj)} --replicas=1")
    if "missing request for" in message:
        text = f"pods of {whose} request nothing of what it measures, so that there is no percentage of it"
        return Cause("RequestsMissing", text, f"kubelite set resources {whose}{flag(obj)} --requests=cpu=100m", words)
    if any(sign in message for sign in _NO_METRICS_API):
        api = next((n for n in ("custom.metrics", "external.metrics") if n in message), "metrics") + ".k8s.io"
        text = f"nothing in this cluster serves the metrics that it asks for ({api})"
        return Cause("MetricsApiAbsent", text, "kubelite get apiservices", words)
    if reason == "InvalidSelector":
        return Cause("CannotScale", f"{whose} says no selector for its pods: {message}", step)
    return Cause("MetricsMissing", "its metrics cannot be had", step, words)


def of_cron_job(facts: Facts, obj: Object) -> Answered:
    if spec(obj).get("suspend"):
        step = f'kubelite patch cronjob {name_of(obj)}{flag(obj)} -p \'{{"spec":{{"suspend":false}}}}\''
        return "Suspended", [Cause("Suspended", "it is suspended (spec.suspend)", step)]
    refused = _last_refusal(facts, obj)
    if refused is not None:
        return "Scheduled", [refused]
    mine = controlled(facts.all("Job", namespace_of(obj)), obj)
    mine.sort(key=lambda job: str(meta(job).get("creationTimestamp") or ""))
    if mine:
        state, causes = workloads.of_job(facts, mine[-1])
        if causes:
            text = f"its last job {name_of(mine[-1])} is not well: {state}"
            step = f"kubelite why job/{name_of(mine[-1])}{flag(obj)}"
            return "Scheduled", [Cause("JobNotWell", text, step, because=causes[0])]
    return ("Active" if status(obj).get("active") else "Scheduled"), []


_SKIPPED = {
    "FailedCreate": ("CreateFailed", "its job could not be created"),
    "FailedNeedsStart": ("ScheduleMissed", "it cannot tell when it was due"),
    "MissSchedule": ("ScheduleMissed", "it was too late to start (startingDeadlineSeconds)"),
    "JobAlreadyActive": ("JobStillRuns", "the job before still runs, and concurrencyPolicy is Forbid"),
    "UnparseableCronJobSchedule": ("BadSchedule", "its schedule cannot be read"),
    "UnparseableSchedule": ("BadSchedule", "its schedule cannot be read"),
    "UnknownTimeZone": ("BadSchedule", "its time zone is not known"),
    "TooManyMissedTimes": ("ScheduleMissed", "it has missed more than a hundred starts"),
}


def _last_refusal(facts: Facts, obj: Object) -> Cause | None:
    """The controller's last word, if it is that no job was made."""
    said = facts.events("CronJob", obj, "SuccessfulCreate", *_SKIPPED)
    if not said or said[0].get("reason") not in _SKIPPED:
        return None
    if event_time(said[0]) < str(status(obj).get("lastScheduleTime") or ""):
        return None
    code, text = _SKIPPED[str(said[0].get("reason"))]
    step = f"kubelite describe cronjob {name_of(obj)}{flag(obj)}"
    return Cause(code, text, step, (f"the controller's words: {said[0].get('message')}",))


def of_budget(facts: Facts, obj: Object) -> Answered:
    got = status(obj)
    allowed, expected = int(got.get("disruptionsAllowed") or 0), int(got.get("expectedPods") or 0)
    healthy, wanted = int(got.get("currentHealthy") or 0), int(got.get("desiredHealthy") or 0)
    state = f"{allowed} {'disruption' if allowed == 1 else 'disruptions'} allowed"
    failed = condition(obj, "DisruptionAllowed")
    if failed.get("reason") == "SyncFailed":
        text = f"its pods cannot be counted: {failed.get('message')}"
        return state, [Cause("CannotCount", text, f"kubelite describe pdb {name_of(obj)}{flag(obj)}")]
    if int(got.get("observedGeneration") or 0) < int(meta(obj).get("generation") or 0):
        text = "no controller has looked at it since it was changed"
        return state, [Cause("ControllerAbsent", text, "kubelite get leases -n kube-system")]
    if allowed:
        return state, []
    if not expected:
        step = f"kubelite get pods{flag(obj)} --show-labels"
        return state, [Cause("SelectorMatchesNothing", "its selector matches no pod", step)]
    if healthy >= wanted:
        text = f"it wants {wanted} of {plural(expected, 'pod')} healthy, and there are {healthy}: none may be evicted"
        return state, [Cause("NothingToSpare", text, f"kubelite edit pdb {name_of(obj)}{flag(obj)}")]
    chosen = spec(obj).get("selector")
    mine = [p for p in facts.all("Pod", namespace_of(obj)) if selects(chosen, meta(p).get("labels") or {})]
    bad = worst_first([pod for pod in mine if unhappy(pod)])
    text = f"it wants {wanted} healthy pods and has {healthy}; not healthy: {listed(name_of(p) for p in bad) or 'some'}"
    found = of_pod(facts, bad[0])[1] if bad else []
    step = f"kubelite get pods{flag(obj)}"
    return state, [Cause("PodsNotReady", text, step, because=found[0] if found else None)]
