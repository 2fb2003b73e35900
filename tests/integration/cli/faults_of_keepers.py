"""Faults of autoscalers, cron jobs, disruption budgets and replication controllers."""

from __future__ import annotations

from tests.integration.cli.faults import (
    OLD,
    Fault,
    Object,
    autoscaler,
    budget,
    condition,
    cron_job,
    event,
    job,
    node,
    on_node,
    waiting,
)

HPA, CRON, BUDGET = "hpa/web", "cronjob/tick", "pdb/web"
ABLE = condition("AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the scale")
FETCH = "failed to get cpu utilization: unable to get metrics for resource cpu: "
ABSENT = f"{FETCH}unable to fetch metrics from resource metrics API: the server could not find the requested resource"


def _inactive(reason: str, message: str) -> Object:
    return autoscaler(ABLE, condition("ScalingActive", "False", reason, message))


def _controller() -> Object:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    status = {"replicas": 1, "observedGeneration": 1}
    spec = {"replicas": 1, "selector": {"app": "web"}, "template": template}
    return {"kind": "ReplicationController", "metadata": {"name": "web"}, "spec": spec, "status": status}


def _pulling(owner: str = "") -> Object:
    made = on_node(waiting("ErrImageNeverPull"), labels={"app": "web"})
    return made | ({"owner": owner} if owner else {})


BACKOFF = condition("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
OF_KEEPERS = (
    Fault("no metrics API", HPA, "MetricsApiAbsent", (_inactive("FailedGetResourceMetric", ABSENT),)),
    Fault(
        "nothing is requested",
        HPA,
        "RequestsMissing",
        (_inactive("FailedGetResourceMetric", "missing request for cpu in container c of Pod p"),),
        says="kubelite set resources deployment/web",
    ),
    Fault("scaled to zero", HPA, "ScaledToZero", (_inactive("ScalingDisabled", "scaling is disabled"),)),
    Fault(
        "target missing",
        HPA,
        "TargetMissing",
        (autoscaler(condition("AbleToScale", "False", "FailedGetScale", 'deployments.apps "web" not found')),),
        says="deployment/web",
    ),
    Fault(
        "at its maximum",
        HPA,
        "AtMaximum",
        (
            autoscaler(
                ABLE,
                condition("ScalingActive", "True", "ValidMetricFound"),
                condition("ScalingLimited", "True", "TooManyReplicas"),
            ),
        ),
        says="maxReplicas (3)",
    ),
    Fault(
        "left to another controller",
        "job/j",
        "ManagedElsewhere",
        (job({}, managedBy="example.com/mine"),),
        says="example.com/mine",
    ),
    Fault("cron job suspended", CRON, "Suspended", (cron_job(suspend=True),)),
    Fault(
        "the job before still runs",
        CRON,
        "JobStillRuns",
        (cron_job(), event("JobAlreadyActive", "Not starting job because prior execution is running", "CronJob/tick")),
    ),
    Fault(
        "its job failed",
        CRON,
        "BackoffLimitExceeded",
        (
            cron_job(),
            job({"conditions": [condition("FailureTarget", "True"), BACKOFF], "failed": 1, "startTime": OLD})
            | {"owner": "CronJob/tick"},
        ),
        says="its last job j is not well: Failed",
    ),
    Fault(
        "no pod may go",
        BUDGET,
        "NothingToSpare",
        (budget(currentHealthy=1),),
        says="it wants 1 of 1 pod healthy, and there are 1",
    ),
    Fault("a budget of nothing", BUDGET, "SelectorMatchesNothing", (budget(expectedPods=0, desiredHealthy=0),)),
    Fault("a budget of the sick", BUDGET, "ImageNeverPulled", (node(), budget(), _pulling())),
    Fault(
        "replication controller",
        "rc/web",
        "ImageNeverPulled",
        (node(), _controller(), _pulling("ReplicationController/web")),
    ),
)
