"""A right object of each kind of workload, limit and network, also in old versions: see `kind_samples`."""

from __future__ import annotations

from typing import Any

from tests.integration.apiserver.kind_samples import Document, Sample

NS = "/namespaces/test"
APPS = f"/apis/apps/v1{NS}"
BATCH = f"/apis/batch/v1{NS}"
NETWORK = "/apis/networking.k8s.io/v1"
LABELS = {"app": "a"}
CONTAINERS = [{"name": "c", "image": "busybox:1"}]
FOREVER = {"metadata": {"labels": LABELS}, "spec": {"containers": CONTAINERS}}
ONCE = {"metadata": {"labels": LABELS}, "spec": {"containers": CONTAINERS, "restartPolicy": "Never"}}
SELECTOR = {"matchLabels": LABELS}
OTHER = {"spec": {"selector": {"matchLabels": {"app": "b"}}}}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
BACKEND = {"service": {"name": "s", "port": {"number": 80}}}
IMMUTABLE = "field is immutable"
NEGATIVE = "must be greater than or equal to 0"


def _spec(**fields: Any) -> Document:
    return {"spec": fields}


WORKLOADS: dict[str, Sample] = {
    "statefulsets": Sample(
        f"{APPS}/statefulsets",
        _spec(selector=SELECTOR, serviceName="s", template=FOREVER),
        _spec(replicas=3),
        (_spec(serviceName="t"), "updates to statefulset spec for fields other than 'replicas', 'ordinals'"),
        {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1},
    ),
    "daemonsets": Sample(
        f"{APPS}/daemonsets",
        _spec(selector=SELECTOR, template=FOREVER),
        _spec(minReadySeconds=5),
        (OTHER, IMMUTABLE),
        {"desiredNumberScheduled": 2, "currentNumberScheduled": 1, "numberReady": 1},
    ),
    "jobs": Sample(
        f"{BATCH}/jobs",
        _spec(template=ONCE),
        _spec(parallelism=2),
        (_spec(completions=5), f"spec.completions: Invalid value: 5: {IMMUTABLE}"),
        {"active": 1, "ready": 1, "startTime": "2026-01-01T00:00:00Z"},
    ),
    "cronjobs": Sample(
        f"{BATCH}/cronjobs",
        _spec(schedule="*/5 * * * *", jobTemplate={"spec": {"template": ONCE}}),
        _spec(suspend=True, timeZone="Europe/Berlin"),
        (_spec(schedule="61 * * * *"), "end of range (61) above maximum (59): 61"),
        {"lastScheduleTime": "2026-01-01T00:00:00Z"},
    ),
    "horizontalpodautoscalers": Sample(
        f"/apis/autoscaling/v2{NS}/horizontalpodautoscalers",
        _spec(maxReplicas=5, scaleTargetRef=TARGET),
        _spec(maxReplicas=6),
        (_spec(minReplicas=9), "must be greater than or equal to `minReplicas`"),
        {"currentReplicas": 2, "desiredReplicas": 3},
    ),
    "horizontalpodautoscalers-v1": Sample(
        f"/apis/autoscaling/v1{NS}/horizontalpodautoscalers",
        _spec(maxReplicas=5, scaleTargetRef=TARGET, targetCPUUtilizationPercentage=50, minReplicas=1),
        _spec(targetCPUUtilizationPercentage=60),
        (_spec(targetCPUUtilizationPercentage=-1), "must be greater than 0"),
        {"currentReplicas": 2, "desiredReplicas": 3},
    ),
    "poddisruptionbudgets": Sample(
        f"/apis/policy/v1{NS}/poddisruptionbudgets",
        _spec(minAvailable=1, selector=SELECTOR),
        _spec(minAvailable="50%"),
        (_spec(maxUnavailable=1), "minAvailable and maxUnavailable cannot be both set"),
        {"currentHealthy": 2, "desiredHealthy": 1, "disruptionsAllowed": 1, "expectedPods": 2},
    ),
    "limitranges": Sample(
        f"/api/v1{NS}/limitranges",
        _spec(limits=[{"type": "Container", "max": {"cpu": "1"}}]),
        _spec(limits=[{"type": "Container", "max": {"cpu": "2"}}]),
        (
            _spec(limits=[{"type": "Pod", "min": {"cpu": "2"}, "max": {"cpu": "1"}}]),
            "min value 2 is greater than max value 1",
        ),
    ),
    "resourcequotas": Sample(
        f"/api/v1{NS}/resourcequotas",
        _spec(hard={"pods": "5"}, scopes=["BestEffort"]),
        _spec(hard={"pods": "6"}),
        (_spec(scopes=["NotBestEffort"]), IMMUTABLE),
        {"hard": {"pods": "5"}, "used": {"pods": "1"}},
    ),
    "ingresses": Sample(
        f"{NETWORK}{NS}/ingresses",
        _spec(defaultBackend=BACKEND),
        _spec(ingressClassName="c"),
        (_spec(rules=[{"host": "10.0.0.1"}]), "must be a DNS name, not an IP address"),
        {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}},
    ),
    "ingressclasses": Sample(
        f"{NETWORK}/ingressclasses",
        _spec(controller="example.com/ingress"),
        _spec(parameters={"kind": "Settings", "name": "s"}),
        (_spec(controller="example.com/other"), IMMUTABLE),
    ),
    "networkpolicies": Sample(
        f"{NETWORK}{NS}/networkpolicies",
        _spec(podSelector={}, ingress=[{"from": [{"podSelector": SELECTOR}], "ports": [{"port": 80}]}]),
        _spec(egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}]),
        (_spec(egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/9"]}}]}]), "strict subset"),
    ),
    "ipaddresses": Sample(
        f"{NETWORK}/ipaddresses",
        _spec(parentRef={"resource": "services", "namespace": "default", "name": "s"}),
        {"metadata": {"labels": LABELS}},
        (_spec(parentRef={"name": "t"}), IMMUTABLE),
        name="192.168.7.7",
    ),
    "servicecidrs": Sample(
        f"{NETWORK}/servicecidrs",
        _spec(cidrs=["192.168.0.0/24"]),
        _spec(cidrs=["192.168.0.0/24", "2001:db8::/64"]),
        (_spec(cidrs=["192.168.1.0/24"]), IMMUTABLE),
        {
            "conditions": [
                {"type": "Ready", "status": "True", "reason": "R", "lastTransitionTime": "2026-01-01T00:00:00Z"}
            ]
        },
    ),
    "deployments-extensions": Sample(
        f"/apis/extensions/v1beta1{NS}/deployments",
        _spec(template=FOREVER),
        _spec(replicas=2),
        (OTHER, IMMUTABLE),
        {"replicas": 1},
    ),
    "daemonsets-extensions": Sample(
        f"/apis/extensions/v1beta1{NS}/daemonsets",
        _spec(template=FOREVER),
        _spec(minReadySeconds=3),
        (_spec(minReadySeconds=-1), NEGATIVE),
        {"desiredNumberScheduled": 2, "currentNumberScheduled": 1, "numberReady": 1, "numberMisscheduled": 0},
    ),
    "statefulsets-v1beta1": Sample(
        f"/apis/apps/v1beta1{NS}/statefulsets",
        _spec(template=FOREVER, serviceName="s"),
        _spec(replicas=2),
        (_spec(replicas=-1), NEGATIVE),
        {"replicas": 1},
    ),
    "ingresses-extensions": Sample(
        f"/apis/extensions/v1beta1{NS}/ingresses",
        _spec(backend={"serviceName": "s", "servicePort": 80}),
        _spec(backend={"serviceName": "s", "servicePort": "http"}),
        (_spec(backend={"serviceName": "", "servicePort": 80}), "spec.defaultBackend.service.name: Required value"),
        {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}},
    ),
    "cronjobs-v1beta1": Sample(
        f"/apis/batch/v1beta1{NS}/cronjobs",
        _spec(schedule="@hourly", jobTemplate={"spec": {"template": ONCE}}),
        _spec(suspend=True),
        (_spec(schedule="TZ=UTC 0 * * * *"), "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
        {"lastScheduleTime": "2026-01-01T00:00:00Z"},
    ),
    "horizontalpodautoscalers-v2beta1": Sample(
        f"/apis/autoscaling/v2beta1{NS}/horizontalpodautoscalers",
        _spec(
            maxReplicas=5,
            minReplicas=1,
            scaleTargetRef=TARGET,
            metrics=[{"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "1Gi"}}],
        ),
        _spec(maxReplicas=6),
        (_spec(maxReplicas=0), "must be greater than 0"),
        {"currentReplicas": 2, "desiredReplicas": 3},
    ),
}
GROWING = {
    "cronjobs",
    "daemonsets",
    "deployments",
    "ingressclasses",
    "ingresses",
    "jobs",
    "networkpolicies",
    "poddisruptionbudgets",
    "statefulsets",
}
"""Resources whose generation counts the changes of what is wanted."""
