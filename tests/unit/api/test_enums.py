"""The values that the published documents name for fields: every field exists, and validation knows the same values."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kubelite.api import enums, schemas, scheme
from kubelite.machinery import codec
from tests.unit.api.objects import pod_spec, replica_set_wire

WRONG = "Wrong"
SUPPORTED = re.compile(r'Unsupported value: \S*"Wrong"}?: supported values: (.*)$', re.DOTALL)
FULL = {
    f"{schemas.module_of(name)}.{name.rpartition('.')[2]}": name
    for module in sorted({owner.partition(".")[0] for owner in enums.facts().fields})
    for name in schemas.definitions(module)
}


@pytest.mark.parametrize("owner", sorted(enums.facts().fields))
def test_each_field_exists_and_holds_text_alone_in_a_list_or_in_a_map(owner: str) -> None:
    properties = schemas.definition(FULL[owner])["properties"]
    for field in enums.facts().fields[owner]:
        inner = properties[field]
        inner = inner.get("items") or inner.get("additionalProperties") or inner
        assert inner == {"type": "string"} | {key: inner[key] for key in inner if key == "default"}, field
    assert set(enums.values_of(FULL[owner])) == set(enums.facts().fields[owner])


def test_values_are_in_order_and_each_type_is_used() -> None:
    facts = enums.facts()
    assert all(list(values) == sorted(set(values)) for values in facts.types.values())
    assert {kind for fields in facts.fields.values() for kind in fields.values()} == set(facts.types)


def test_a_type_that_has_no_such_fields_has_no_values() -> None:
    assert enums.values_of("io.k8s.api.core.v1.ConfigMap") == {}
    assert enums.values_of("com.example.stable.v1.PodSpec") == {}, "only the group's own type has them"
    assert enums.values_of("Short") == {}


def _pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {"spec": pod_spec(container, **spec)}


def _webhook(**fields: Any) -> dict[str, Any]:
    hook = {
        "name": "a.b.c",
        "clientConfig": {"url": "https://a.b"},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "rules": [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}],
    }
    return {"webhooks": [{**hook, **fields}]}


def _rule(**fields: Any) -> dict[str, Any]:
    whole = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], **fields}
    return _webhook(rules=[whole])


def _claim(**fields: Any) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"spec": {**spec, **fields}}


def _volume(**fields: Any) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/a"}}
    return {"spec": {**spec, **fields}}


def _service(**fields: Any) -> dict[str, Any]:
    return {"spec": {"ports": [{"port": 80}], **fields}}


def _job(**fields: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": pod_spec(restartPolicy="Never")}, **fields}}


def _spread(**fields: Any) -> dict[str, Any]:
    whole = {"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}, **fields}
    return _pod(topologySpreadConstraints=[whole])


def _apps(**fields: Any) -> dict[str, Any]:
    return {"spec": replica_set_wire(**fields)["spec"]}


def _csr(**fields: Any) -> dict[str, Any]:
    return {"spec": {"request": "YQ==", "signerName": "a.b/c", "usages": ["client auth"], **fields}}


def _device(**fields: Any) -> dict[str, Any]:
    exact = {"deviceClassName": "a.b", "allocationMode": "ExactCount", "count": 1, **fields}
    return {"spec": {"devices": {"requests": [{"name": "a", "exactly": exact}]}}}


def _budget(**fields: Any) -> dict[str, Any]:
    return {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}, **fields}}


def _path(value: str) -> dict[str, Any]:
    backend = {"service": {"name": "a", "port": {"number": 80}}}
    return {"spec": {"rules": [{"http": {"paths": [{"path": "/", "pathType": value, "backend": backend}]}}]}}


def _probe(scheme_: str) -> dict[str, Any]:
    return _pod({"livenessProbe": {"httpGet": {"path": "/", "port": 80, "scheme": scheme_}}})


KNOWN: list[tuple[str, dict[str, Any], str]] = [
    ("pod", _pod(restartPolicy=WRONG), "core_v1.PodSpec.restartPolicy"),
    ("pod", _pod(dnsPolicy=WRONG), "core_v1.PodSpec.dnsPolicy"),
    ("pod", _pod(preemptionPolicy=WRONG), "core_v1.PodSpec.preemptionPolicy"),
    ("pod", _pod({"imagePullPolicy": WRONG}), "core_v1.Container.imagePullPolicy"),
    ("pod", _pod({"terminationMessagePolicy": WRONG}), "core_v1.Container.terminationMessagePolicy"),
    ("pod", _pod({"ports": [{"containerPort": 1, "protocol": WRONG}]}), "core_v1.ContainerPort.protocol"),
    ("pod", _probe(WRONG), "core_v1.HTTPGetAction.scheme"),
    ("pod", _pod({"securityContext": {"procMount": WRONG}}), "core_v1.SecurityContext.procMount"),
    ("pod", _pod({"securityContext": {"seccompProfile": {"type": WRONG}}}), "core_v1.SeccompProfile.type"),
    ("pod", _pod({"securityContext": {"appArmorProfile": {"type": WRONG}}}), "core_v1.AppArmorProfile.type"),
    ("pod", _pod(securityContext={"fsGroupChangePolicy": WRONG}), "core_v1.PodSecurityContext.fsGroupChangePolicy"),
    (
        "pod",
        _pod(securityContext={"supplementalGroupsPolicy": WRONG}),
        "core_v1.PodSecurityContext.supplementalGroupsPolicy",
    ),
    (
        "pod",
        _pod(volumes=[{"name": "a", "hostPath": {"path": "/", "type": WRONG}}]),
        "core_v1.HostPathVolumeSource.type",
    ),
    ("pod", _pod(volumes=[{"name": "a", "image": {"pullPolicy": WRONG}}]), "core_v1.ImageVolumeSource.pullPolicy"),
    (
        "pod",
        _pod(
            {"volumeMounts": [{"name": "a", "mountPath": "/a", "mountPropagation": WRONG}]},
            volumes=[{"name": "a", "emptyDir": {}}],
        ),
        "core_v1.VolumeMount.mountPropagation",
    ),
    ("pod", _pod(tolerations=[{"key": "a", "operator": WRONG}]), "core_v1.Toleration.operator"),
    ("pod", _pod(tolerations=[{"key": "a", "effect": WRONG}]), "core_v1.Toleration.effect"),
    ("pod", _spread(whenUnsatisfiable=WRONG), "core_v1.TopologySpreadConstraint.whenUnsatisfiable"),
    ("pod", _spread(nodeAffinityPolicy=WRONG), "core_v1.TopologySpreadConstraint.nodeAffinityPolicy"),
    ("pod", _spread(nodeTaintsPolicy=WRONG), "core_v1.TopologySpreadConstraint.nodeTaintsPolicy"),
    ("node", {"spec": {"taints": [{"key": "a", "effect": WRONG}]}}, "core_v1.Taint.effect"),
    ("persistentvolumeclaim", _claim(accessModes=[WRONG]), "core_v1.PersistentVolumeClaimSpec.accessModes"),
    ("persistentvolumeclaim", _claim(volumeMode=WRONG), "core_v1.PersistentVolumeClaimSpec.volumeMode"),
    ("persistentvolume", _volume(accessModes=[WRONG]), "core_v1.PersistentVolumeSpec.accessModes"),
    ("persistentvolume", _volume(volumeMode=WRONG), "core_v1.PersistentVolumeSpec.volumeMode"),
    (
        "persistentvolume",
        _volume(persistentVolumeReclaimPolicy=WRONG),
        "core_v1.PersistentVolumeSpec.persistentVolumeReclaimPolicy",
    ),
    (
        "persistentvolume",
        _volume(hostPath=None, azureDisk={"diskName": "a", "diskURI": "b", "cachingMode": WRONG}),
        "core_v1.AzureDiskVolumeSource.cachingMode",
    ),
    (
        "persistentvolume",
        _volume(hostPath=None, azureDisk={"diskName": "a", "diskURI": "b", "kind": WRONG}),
        "core_v1.AzureDiskVolumeSource.kind",
    ),
    ("service", _service(type=WRONG), "core_v1.ServiceSpec.type"),
    ("service", _service(sessionAffinity=WRONG), "core_v1.ServiceSpec.sessionAffinity"),
    ("service", _service(ports=[{"port": 80, "protocol": WRONG}]), "core_v1.ServicePort.protocol"),
    ("service", _service(type="NodePort", externalTrafficPolicy=WRONG), "core_v1.ServiceSpec.externalTrafficPolicy"),
    ("service", _service(internalTrafficPolicy=WRONG), "core_v1.ServiceSpec.internalTrafficPolicy"),
    ("service", _service(ipFamilyPolicy=WRONG), "core_v1.ServiceSpec.ipFamilyPolicy"),
    ("service", _service(ipFamilies=[WRONG]), "core_v1.ServiceSpec.ipFamilies"),
    (
        "endpoints",
        {"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 1, "protocol": WRONG}]}]},
        "core_v1.EndpointPort.protocol",
    ),
    (
        "endpointslice",
        {"addressType": "IPv4", "endpoints": [], "ports": [{"name": "a", "port": 1, "protocol": WRONG}]},
        "discovery_v1.EndpointPort.protocol",
    ),
    ("endpointslice", {"addressType": WRONG, "endpoints": []}, "discovery_v1.EndpointSlice.addressType"),
    ("deployment", _apps(strategy={"type": WRONG}), "apps_v1.DeploymentStrategy.type"),
    ("daemonset", _apps(updateStrategy={"type": WRONG}), "apps_v1.DaemonSetUpdateStrategy.type"),
    ("job", _job(completionMode=WRONG, completions=1), "batch_v1.JobSpec.completionMode"),
    ("job", _job(podReplacementPolicy=WRONG), "batch_v1.JobSpec.podReplacementPolicy"),
    (
        "job",
        _job(podFailurePolicy={"rules": [{"action": WRONG, "onPodConditions": [{"type": "A", "status": "True"}]}]}),
        "batch_v1.PodFailurePolicyRule.action",
    ),
    (
        "job",
        _job(podFailurePolicy={"rules": [{"action": "Count", "onExitCodes": {"operator": WRONG, "values": [1]}}]}),
        "batch_v1.PodFailurePolicyOnExitCodesRequirement.operator",
    ),
    (
        "cronjob",
        {"spec": {"schedule": "* * * * *", "concurrencyPolicy": WRONG, "jobTemplate": _job()}},
        "batch_v1.CronJobSpec.concurrencyPolicy",
    ),
    (
        "poddisruptionbudget",
        _budget(unhealthyPodEvictionPolicy=WRONG),
        "policy_v1.PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy",
    ),
    ("ingress", _path(WRONG), "networking_v1.HTTPIngressPath.pathType"),
    (
        "networkpolicy",
        {"spec": {"podSelector": {}, "policyTypes": [WRONG]}},
        "networking_v1.NetworkPolicySpec.policyTypes",
    ),
    (
        "networkpolicy",
        {"spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 1, "protocol": WRONG}]}]}},
        "networking_v1.NetworkPolicyPort.protocol",
    ),
    ("priorityclass", {"value": 1, "preemptionPolicy": WRONG}, "scheduling_v1.PriorityClass.preemptionPolicy"),
    ("storageclass", {"provisioner": "a.b/c", "reclaimPolicy": WRONG}, "storage_v1.StorageClass.reclaimPolicy"),
    ("storageclass", {"provisioner": "a.b/c", "volumeBindingMode": WRONG}, "storage_v1.StorageClass.volumeBindingMode"),
    ("certificatesigningrequest", _csr(usages=[WRONG]), "certificates_v1.CertificateSigningRequestSpec.usages"),
    ("resourceclaim", _device(allocationMode=WRONG), "resource_v1.ExactDeviceRequest.allocationMode"),
    ("resourceclaim", _device(tolerations=[{"key": "a", "operator": WRONG}]), "resource_v1.DeviceToleration.operator"),
    (
        "resourceclaim",
        _device(tolerations=[{"key": "a", "operator": "Exists", "effect": WRONG}]),
        "resource_v1.DeviceToleration.effect",
    ),
    (
        "validatingwebhookconfiguration",
        _webhook(failurePolicy=WRONG),
        "admissionregistration_v1.ValidatingWebhook.failurePolicy",
    ),
    (
        "validatingwebhookconfiguration",
        _webhook(matchPolicy=WRONG),
        "admissionregistration_v1.ValidatingWebhook.matchPolicy",
    ),
    (
        "validatingwebhookconfiguration",
        _webhook(sideEffects=WRONG),
        "admissionregistration_v1.ValidatingWebhook.sideEffects",
    ),
    (
        "mutatingwebhookconfiguration",
        _webhook(reinvocationPolicy=WRONG),
        "admissionregistration_v1.MutatingWebhook.reinvocationPolicy",
    ),
    (
        "mutatingwebhookconfiguration",
        _rule(operations=[WRONG]),
        "admissionregistration_v1.RuleWithOperations.operations",
    ),
    ("mutatingwebhookconfiguration", _rule(scope=WRONG), "admissionregistration_v1.RuleWithOperations.scope"),
    (
        "validatingadmissionpolicybinding",
        {"spec": {"policyName": "a", "validationActions": [WRONG]}},
        "admissionregistration_v1.ValidatingAdmissionPolicyBindingSpec.validationActions",
    ),
]


NARROWER = {
    "core_v1.Toleration.operator": {"Gt", "Lt"},  # a feature gate that is off by default
    "core_v1.ServiceSpec.ipFamilies": {""},
    "storage_v1.StorageClass.reclaimPolicy": {"Recycle"},
    "admissionregistration_v1.ValidatingWebhook.sideEffects": {"Some", "Unknown"},
}
"""Named in the documents, as upstream names them, and yet refused, as upstream refuses them."""


def _mistakes(name: str, document: dict[str, Any]) -> list[str]:
    kind = scheme().by_name(name)
    assert kind is not None, name
    metadata = {"name": "a", "namespace": "ns" if kind.namespaced else ""}
    obj = codec.convert({**document, "metadata": metadata}, kind.type)
    kind.set_defaults(obj)
    return [str(error) for error in kind.validate(obj)]


@pytest.mark.parametrize(("name", "document", "field"), KNOWN, ids=[row[2] for row in KNOWN])
def test_validation_supports_the_named_values(name: str, document: dict[str, Any], field: str) -> None:
    owner, _, last = field.rpartition(".")
    published = set(enums.values_of(FULL[owner])[last])
    mistakes = _mistakes(name, document)
    supported = [set(re.findall(r'"([^"]*)"', found[1])) for text in mistakes if (found := SUPPORTED.search(text))]
    assert supported, mistakes
    assert supported[0] == published - NARROWER.get(field, set())
