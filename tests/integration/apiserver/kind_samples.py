"""A right object of each kind that extends, protects or equips the cluster, with what happens to it when it is changed.

`update`: a change that is taken (a merge patch). `wrong`: a change that is refused, and a part of the refusal's text.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Document = dict[str, Any]
RULE = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
MATCH = {"resourceRules": [RULE]}


@dataclass(frozen=True)
class Sample:
    """One kind. `path` is the collection; `status` is a status that its subresource takes."""

    path: str
    body: Document
    update: Document
    wrong: tuple[Document, str]
    status: Document = field(default_factory=dict)
    name: str = "sample"

    def document(self) -> Document:
        metadata = {"name": self.name, **self.body.get("metadata", {})}
        return {**self.body, "metadata": metadata}


@cache
def request_pem() -> str:
    """A certificate request, as base64 of PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()


def _webhook(**more: Any) -> Document:
    return {
        "name": "hook.example.com",
        "clientConfig": {"url": "https://example.com/hook"},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "rules": [RULE],
        **more,
    }


ADMISSION = "/apis/admissionregistration.k8s.io/v1"
FLOW = "/apis/flowcontrol.apiserver.k8s.io/v1"
STORAGE = "/apis/storage.k8s.io/v1"
RESOURCE = "/apis/resource.k8s.io/v1"
LABELLED = {"metadata": {"labels": {"changed": "yes"}}}
READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z", "reason": "Tested"}
CLAIM = {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpus"}}]}}

SAMPLES: dict[str, Sample] = {
    "validatingwebhookconfigurations": Sample(
        f"{ADMISSION}/validatingwebhookconfigurations",
        {"webhooks": [_webhook()]},
        {"webhooks": [_webhook(timeoutSeconds=5)]},
        ({"webhooks": [_webhook(timeoutSeconds=31)]}, "the timeout value must be between 1 and 30 seconds"),
    ),
    "mutatingwebhookconfigurations": Sample(
        f"{ADMISSION}/mutatingwebhookconfigurations",
        {"webhooks": [_webhook()]},
        {"webhooks": [_webhook(reinvocationPolicy="IfNeeded")]},
        ({"webhooks": [_webhook(reinvocationPolicy="Often")]}, "webhooks[0].reinvocationPolicy: Unsupported value"),
    ),
    "validatingadmissionpolicies": Sample(
        f"{ADMISSION}/validatingadmissionpolicies",
        {"spec": {"matchConstraints": MATCH, "validations": [{"expression": "true"}]}},
        {"spec": {"failurePolicy": "Ignore"}},
        ({"spec": {"validations": []}}, "validations or auditAnnotations must contain at least one item"),
        {"conditions": [READY]},
    ),
    "validatingadmissionpolicybindings": Sample(
        f"{ADMISSION}/validatingadmissionpolicybindings",
        {"spec": {"policyName": "p", "validationActions": ["Deny"]}},
        {"spec": {"validationActions": ["Warn"]}},
        ({"spec": {"validationActions": ["Warn", "Deny"]}}, "must not contain both Deny and Warn"),
    ),
    "mutatingadmissionpolicies": Sample(
        f"{ADMISSION}/mutatingadmissionpolicies",
        {
            "spec": {
                "matchConstraints": MATCH,
                "reinvocationPolicy": "Never",
                "mutations": [
                    {"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'test', path: '/spec'}]"}}
                ],
            }
        },
        {"spec": {"reinvocationPolicy": "IfNeeded"}},
        ({"spec": {"mutations": [{"patchType": "JSONPatch"}]}}, "must be specified when patchType is JSONPatch"),
    ),
    "mutatingadmissionpolicybindings": Sample(
        f"{ADMISSION}/mutatingadmissionpolicybindings",
        {"spec": {"policyName": "p"}},
        {"spec": {"policyName": "q"}},
        ({"spec": {"paramRef": {"name": "x"}}}, "spec.paramRef.parameterNotFoundAction: Required value"),
    ),
    "customresourcedefinitions": Sample(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        {
            "spec": {
                "group": "example.com",
                "scope": "Namespaced",
                "names": {"plural": "samples", "kind": "Sample"},
                "versions": [
                    {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
                ],
            }
        },
        {"spec": {"names": {"shortNames": ["smp"]}}},
        ({"spec": {"group": "example.org"}}, "spec.group: Invalid value"),
        {"conditions": [{"type": "Tested", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        "samples.example.com",
    ),
    "apiservices": Sample(
        "/apis/apiregistration.k8s.io/v1/apiservices",
        {
            "spec": {
                "group": "example.com",
                "version": "v1",
                "groupPriorityMinimum": 100,
                "versionPriority": 10,
                "service": {"name": "s", "namespace": "default"},
            }
        },
        {"spec": {"versionPriority": 20}},
        ({"spec": {"versionPriority": 2000}}, "must be positive and less than 1000"),
        {"conditions": [{"type": "Tested", "status": "True"}]},
        "v1.example.com",
    ),
    "flowschemas": Sample(
        f"{FLOW}/flowschemas",
        {"spec": {"priorityLevelConfiguration": {"name": "global-default"}}},
        {"spec": {"matchingPrecedence": 7}},
        ({"spec": {"matchingPrecedence": 1}}, "only the schema named 'exempt' may have matchingPrecedence 1"),
        {"conditions": [{"type": "Tested", "status": "True"}]},
    ),
    "prioritylevelconfigurations": Sample(
        f"{FLOW}/prioritylevelconfigurations",
        {"spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}},
        {"spec": {"limited": {"nominalConcurrencyShares": 3}}},
        ({"spec": {"type": "Exempt"}}, "type must be 'Exempt' if and only if name is 'exempt'"),
        {"conditions": [{"type": "Tested", "status": "True"}]},
    ),
    "persistentvolumes": Sample(
        "/api/v1/persistentvolumes",
        {
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "csi": {"driver": "csi.example.com", "volumeHandle": "v"},
            }
        },
        {"spec": {"persistentVolumeReclaimPolicy": "Delete"}},
        ({"spec": {"csi": {"volumeHandle": "w"}}}, "spec.persistentvolumesource is immutable after creation"),
        {"phase": "Available"},
    ),
    "persistentvolumeclaims": Sample(
        "/api/v1/namespaces/default/persistentvolumeclaims",
        {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
        {"spec": {"volumeName": "sample"}},
        ({"spec": {"accessModes": ["ReadWriteMany"]}}, "spec is immutable after creation except"),
        {"phase": "Bound"},
    ),
    "storageclasses": Sample(
        f"{STORAGE}/storageclasses",
        {"provisioner": "example.com/disks"},
        {"allowVolumeExpansion": True},
        ({"reclaimPolicy": "Retain"}, "updates to reclaimPolicy are forbidden."),
    ),
    "volumeattributesclasses": Sample(
        f"{STORAGE}/volumeattributesclasses",
        {"driverName": "csi.example.com", "parameters": {"iops": "100"}},
        LABELLED,
        ({"parameters": {"iops": "200"}}, "updates to parameters are forbidden."),
    ),
    "csidrivers": Sample(
        f"{STORAGE}/csidrivers",
        {"spec": {}},
        {"spec": {"requiresRepublish": True}},
        ({"spec": {"attachRequired": False}}, "spec.attachedRequired: Invalid value"),
    ),
    "csinodes": Sample(
        f"{STORAGE}/csinodes",
        {"spec": {"drivers": [{"name": "csi.example.com", "nodeID": "n"}]}},
        {"spec": {"drivers": []}},
        ({"spec": {"drivers": [{"name": "csi.example.com", "nodeID": "m"}]}}, "field is immutable"),
    ),
    "csistoragecapacities": Sample(
        f"{STORAGE}/namespaces/default/csistoragecapacities",
        {"storageClassName": "disks", "capacity": "1Gi"},
        {"capacity": "2Gi"},
        ({"storageClassName": "others"}, "storageClassName: Invalid value"),
    ),
    "volumeattachments": Sample(
        f"{STORAGE}/volumeattachments",
        {"spec": {"attacher": "csi.example.com", "nodeName": "n", "source": {"persistentVolumeName": "v"}}},
        LABELLED,
        ({"spec": {"nodeName": "m"}}, "spec: Invalid value"),
        {"attached": True},
    ),
    "runtimeclasses": Sample(
        "/apis/node.k8s.io/v1/runtimeclasses",
        {"handler": "sandbox"},
        {"overhead": {"podFixed": {"cpu": "10m"}}},
        ({"handler": "other"}, "handler: Invalid value"),
    ),
    "certificatesigningrequests": Sample(
        "/apis/certificates.k8s.io/v1/certificatesigningrequests",
        {"spec": {"request": request_pem(), "signerName": "example.com/signer", "usages": ["client auth"]}},
        LABELLED,
        ({"metadata": {"labels": {"-": "bad"}}}, "metadata.labels: Invalid value"),
        {"conditions": [{"type": "Tested", "status": "True"}]},
    ),
    "deviceclasses": Sample(
        f"{RESOURCE}/deviceclasses",
        {"spec": {"selectors": [{"cel": {"expression": "true"}}]}},
        {"spec": {"extendedResourceName": "example.com/gpu"}},
        ({"spec": {"extendedResourceName": "cpu"}}, "must be a valid extended resource name"),
    ),
    "resourceclaims": Sample(
        f"{RESOURCE}/namespaces/default/resourceclaims",
        {"spec": CLAIM},
        LABELLED,
        ({"spec": {"devices": {"requests": []}}}, "spec: Invalid value"),
        {
            "allocation": {
                "devices": {
                    "results": [{"request": "gpu", "driver": "gpu.example.com", "pool": "n", "device": "gpu-0"}]
                }
            }
        },
    ),
    "resourceclaimtemplates": Sample(
        f"{RESOURCE}/namespaces/default/resourceclaimtemplates",
        {"spec": {"spec": CLAIM}},
        LABELLED,
        ({"spec": {"metadata": {"labels": {"a": "b"}}}}, "spec: Invalid value"),
    ),
    "resourceslices": Sample(
        f"{RESOURCE}/resourceslices",
        {
            "spec": {
                "driver": "gpu.example.com",
                "nodeName": "n",
                "pool": {"name": "n", "generation": 1, "resourceSliceCount": 1},
                "devices": [{"name": "gpu-0", "attributes": {"model": {"string": "x"}}}],
            }
        },
        {"spec": {"pool": {"generation": 2}}},
        ({"spec": {"driver": "other.example.com"}}, "spec.driver: Invalid value"),
    ),
}
GROWS = {
    *("validatingwebhookconfigurations", "mutatingwebhookconfigurations", "customresourcedefinitions"),
    *("validatingadmissionpolicies", "validatingadmissionpolicybindings", "mutatingadmissionpolicies"),
    *(
        "mutatingadmissionpolicybindings",
        "flowschemas",
        "prioritylevelconfigurations",
        "resourceslices",
        "deviceclasses",
    ),
}
"""The kinds whose generation grows with their spec."""
