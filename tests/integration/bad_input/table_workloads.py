"""Workloads, limits and network kinds, also in old versions, with a field that is missing, wrong or in contradiction."""

# ruff: noqa: E501 - a case is a line
from __future__ import annotations

from typing import Any

from tests.integration.apiserver.workload_samples import WORKLOADS
from tests.integration.bad_input.cases import DROP, Case, merged


def _case(sample: str, id_: str, change: Any, code: int, where: str, text: str) -> Case:
    body = merged(merged(WORKLOADS[sample].document(), {"metadata": {"name": "fresh"}}), change)
    if sample == "ipaddresses" and change.get("metadata") is None:
        body["metadata"]["name"] = "192.168.7.9"
    shown = f"{where}: {text}" if where and code == 422 else text
    return Case(
        f"{sample}-{id_}", "POST", WORKLOADS[sample].path, code, shown, body, cause=where if code == 422 else ""
    )


def _spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


MISMATCH = {"template": {"metadata": {"labels": {"app": "other"}}}}
ROWS: dict[str, list[tuple[str, Any, int, str, str]]] = {
    "statefulsets": [
        ("mismatch", _spec(**MISMATCH), 422, "spec.template.metadata.labels", "Invalid value"),
        ("service-name", _spec(serviceName="A_b"), 422, "spec.serviceName", 'Invalid value: "A_b"'),
        ("strategy", _spec(updateStrategy={"type": "Magic"}), 422, "spec.updateStrategy", "Invalid value"),
        ("replicas-text", _spec(replicas="two"), 400, "", "of type int32"),
        ("claims-object", _spec(volumeClaimTemplates={}), 400, "", "of type []v1.PersistentVolumeClaim"),
        ("claim-storage-text", _spec(volumeClaimTemplates=[{"spec": {"resources": {"requests": {"storage": "lots"}}}}]), 400, "", "quantities must match the regular expression"),
        ("name", {"metadata": {"name": "a.b"}}, 422, "metadata.name", 'Invalid value: "a.b": must not contain dots'),
    ],
    "daemonsets": [
        ("no-selector", _spec(selector=DROP), 422, "spec.template.metadata.labels", "Invalid value"),
        ("surge-and-unavailable", _spec(updateStrategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}), 422, "spec.updateStrategy.rollingUpdate.maxSurge", "Invalid value: 1"),
        ("restart-policy", {"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}, 422, "spec.template.spec.restartPolicy", "Unsupported value"),
    ],
    "jobs": [
        ("restart-policy", {"spec": {"template": {"spec": {"restartPolicy": "Always"}}}}, 422, "spec.template.spec.restartPolicy", 'Required value: valid values: "OnFailure", "Never"'),
        ("own-selector", _spec(selector={"matchLabels": {"x": "y"}}), 422, "spec.selector", "Invalid value"),
        ("completions-negative", _spec(completions=-1), 422, "spec.completions", "Invalid value: -1"),
        ("no-template", _spec(template=DROP), 422, "spec.template.spec.containers", "Required value"),
        ("policy-text", _spec(podFailurePolicy="x"), 400, "", "of type v1.PodFailurePolicy"),
        ("exit-codes-large", _spec(podFailurePolicy={"rules": [{"action": "Count", "onExitCodes": {"operator": "In", "values": [2**40]}}]}), 400, "", "of type int32"),
    ],
    "cronjobs": [
        ("no-schedule", _spec(schedule=DROP), 422, "spec.schedule", "Required value"),
        ("schedule", _spec(schedule="every day"), 422, "spec.schedule", "Invalid value"),
        ("time-zone", _spec(timeZone="Mars/Phobos"), 422, "spec.timeZone", 'Invalid value: "Mars/Phobos": unknown time zone Mars/Phobos'),
        ("no-job-template", _spec(jobTemplate=DROP), 422, "spec.jobTemplate.spec.template.spec.containers", "Required value"),
        ("schedule-number", _spec(schedule=5), 400, "", "of type string"),
    ],
    "horizontalpodautoscalers": [
        ("no-maximum", _spec(maxReplicas=DROP), 422, "spec.maxReplicas", "Invalid value: 0: must be greater than 0"),
        ("no-target", _spec(scaleTargetRef=DROP), 422, "spec.scaleTargetRef.kind", "Required value"),
        ("amount", _spec(metrics=[{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "much"}}}]), 400, "", "quantities must match the regular expression"),
        ("metric-null", _spec(metrics=[None]), 422, "spec.metrics[0].type", "Required value"),
    ],
    "poddisruptionbudgets": [
        ("percent", _spec(minAvailable="half"), 422, "spec.minAvailable", 'Invalid value: "half"'),
        ("selector-operator", _spec(selector={"matchExpressions": [{"key": "a", "operator": "Near"}]}), 422, "spec.selector.matchExpressions[0].operator", "Invalid value"),
    ],
    "limitranges": [
        ("type", _spec(limits=[{"type": "Node"}]), 422, "spec.limits[0].type", 'Invalid value: "Node"'),
        ("amount", _spec(limits=[{"type": "Pod", "max": {"cpu": "lots"}}]), 400, "", "quantities must match the regular expression"),
        ("limits-object", _spec(limits={}), 400, "", "of type []v1.LimitRangeItem"),
    ],
    "resourcequotas": [
        ("resource", _spec(hard={"what": "1"}), 422, "spec.hard[what]", 'Invalid value: "what"'),
        ("amount", _spec(hard={"pods": "many"}), 400, "", "quantities must match the regular expression"),
        ("scope", _spec(scopes=["Magic"]), 422, "spec.scopes", 'Invalid value: ["Magic"]: unsupported scope'),
    ],
    "ingresses": [
        ("nothing", _spec(defaultBackend=DROP), 422, "spec", "Invalid value: null: either `defaultBackend` or `rules` must be specified"),
        ("old-form", _spec(defaultBackend=DROP, rules=[{"http": {"paths": [{"path": "/", "backend": {"serviceName": "s", "servicePort": 80}}]}}]), 422, "spec.rules[0].http.paths[0].pathType", "Required value: pathType must be specified"),
        ("port-text", _spec(defaultBackend={"service": {"name": "s", "port": {"number": "80"}}}), 400, "", "of type int32"),
    ],
    "ingressclasses": [("no-controller", _spec(controller=DROP), 422, "spec.controller", "Required value")],
    "networkpolicies": [
        ("no-peer", _spec(ingress=[{"from": [{}]}]), 422, "spec.ingress[0].from[0]", "Required value: must specify a peer"),
        ("cidr", _spec(egress=[{"to": [{"ipBlock": {"cidr": "x"}}]}]), 422, "spec.egress[0].to[0].ipBlock.cidr", 'Invalid value: "x": must be a valid CIDR value'),
        ("port-float", _spec(ingress=[{"ports": [{"port": 8.5}]}]), 400, "", ""),
    ],
    "ipaddresses": [
        ("name", {"metadata": {"name": "nowhere"}}, 422, "metadata.name", 'Invalid value: "nowhere": ParseAddr("nowhere"): unable to parse IP'),
        ("no-owner", _spec(parentRef=DROP), 422, "spec.parentRef", "Required value"),
    ],
    "servicecidrs": [
        ("three", _spec(cidrs=["10.0.0.0/24"] * 3), 422, "spec.cidrs", "Invalid value"),
        ("text", _spec(cidrs=["x"]), 422, "spec.cidrs[0]", 'Invalid value: "x": must be a valid CIDR value'),
    ],
    "deployments-extensions": [
        ("mismatch", _spec(selector={"matchLabels": {"x": "y"}}), 422, "spec.template.metadata.labels", "Invalid value"),
        ("no-template", _spec(template=DROP), 422, "spec.selector", "Required value"),
        ("other-version", {"apiVersion": "apps/v1"}, 400, "", "the API version in the data (apps/v1) does not match the expected API version (extensions/v1beta1)"),
    ],
    "ingresses-extensions": [
        ("port-object", _spec(backend={"serviceName": "s", "servicePort": {}}), 400, "", ""),
        ("no-service", _spec(backend={"serviceName": DROP, "servicePort": DROP}), 422, "spec.defaultBackend", 'Invalid value: "": resource or service backend is required'),
    ],
    "horizontalpodautoscalers-v2beta1": [
        ("amount", _spec(metrics=[{"type": "Resource", "resource": {"name": "cpu", "targetAverageValue": "much"}}]), 400, "", "quantities must match the regular expression"),
    ],
}  # fmt: skip

CASES = [_case(sample, *row) for sample, rows in ROWS.items() for row in rows]
