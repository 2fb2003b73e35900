"""Objects of the kinds whose description has a form of its own, with most of what such a description can show."""

from __future__ import annotations

import ipaddress
from typing import Any

from cryptography import x509

from tests.integration.controllers.test_certificates import request

OLD_CLASS = {"volume.beta.kubernetes.io/storage-class": "old"}
WHEN = "2026-01-01T00:00:00Z"


def named(api_version: str, kind: str, name: str, *, cluster: bool = False, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"b": "2", "a": "1"}, **more.pop("metadata", {})}
    if not cluster:
        metadata["namespace"] = "default"
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def volume(name: str, source: dict[str, Any], annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    wanted = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce", "ReadOnlyMany"], **source, **spec}
    return named("v1", "PersistentVolume", name, cluster=True, metadata={"annotations": annotations or {}}, spec=wanted)


TERMS = [
    {
        "matchExpressions": [
            {"key": "zone", "operator": "In", "values": ["x", "y"]},
            {"key": "gone", "operator": "DoesNotExist"},
        ]
    },
    {"matchExpressions": [{"key": "cpus", "operator": "Gt", "values": ["3"]}]},
]
CSI = {
    "driver": "csi.example.com",
    "volumeHandle": "handle-1",
    "fsType": "ext4",
    "readOnly": True,
    "volumeAttributes": {"b": "long " * 60, "a": "x"},
}
VOLUMES = [
    volume("pv-host", {"hostPath": {"path": "/tmp/x", "type": "DirectoryOrCreate"}}, storageClassName="slow"),
    volume("pv-nfs", {"nfs": {"server": "10.0.0.1", "path": "/x", "readOnly": True}}, mountOptions=["hard"]),
    volume("pv-csi", {"csi": CSI}, persistentVolumeReclaimPolicy="Delete", volumeMode="Block"),
    volume(
        "pv-local",
        {"local": {"path": "/mnt/x"}},
        nodeAffinity={"required": {"nodeSelectorTerms": TERMS}},
        claimRef={"namespace": "default", "name": "claim"},
    ),
    volume("pv-iscsi", {"iscsi": {"targetPortal": "1.2.3.4:3260", "iqn": "iqn.2001-04.com.example:x", "lun": 0}}),
    volume("pv-old", {"hostPath": {"path": "/x"}}, OLD_CLASS, nodeAffinity={"required": {"nodeSelectorTerms": [{}]}}),
    volume("pv-fc", {"fc": {"targetWWNs": ["50060e801049cfd1"], "lun": 0}}),
]
CLAIMS = [
    named(
        "v1",
        "PersistentVolumeClaim",
        name,
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec},
    )
    for name, spec in (
        ("claim", {"storageClassName": "slow", "volumeName": "pv-local", "selector": {"matchLabels": {"a": "b"}}}),
        ("block", {"volumeMode": "Block", "volumeAttributesClassName": "gold"}),
        ("copy", {"dataSource": {"kind": "PersistentVolumeClaim", "name": "claim"}}),
        ("snap", {"dataSource": {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"}}),
        ("other", {"dataSourceRef": {"apiGroup": "x.example.com", "kind": "Thing", "name": "s"}}),
    )
]
CLASSES = [
    named("storage.k8s.io/v1", "StorageClass", "plain", cluster=True, provisioner="example.com/x"),
    named(
        "storage.k8s.io/v1",
        "StorageClass",
        "full",
        cluster=True,
        metadata={"annotations": {"storageclass.kubernetes.io/is-default-class": "true", "z": "y"}},
        provisioner="example.com/x",
        parameters={"b": "2", "a": "1"},
        allowVolumeExpansion=True,
        mountOptions=["ro", "hard"],
        reclaimPolicy="Retain",
        volumeBindingMode="WaitForFirstConsumer",
        allowedTopologies=[
            {
                "matchLabelExpressions": [
                    {"key": "zone", "values": ["x", "y"]},
                    {"key": "rack", "values": ["1"]},
                ]
            },
            {"matchLabelExpressions": [{"key": "zone", "values": ["z"]}]},
        ],
    ),
    named(
        "storage.k8s.io/v1",
        "CSINode",
        "csi-node",
        cluster=True,
        spec={
            "drivers": [
                {
                    "name": "a.example.com",
                    "nodeID": "one",
                    "topologyKeys": ["zone", "rack"],
                    "allocatable": {"count": 5},
                },
                {"name": "b.example.com", "nodeID": "two", "topologyKeys": []},
            ]
        },
    ),
]


def _backend(service: str, port: str | int) -> dict[str, Any]:
    return {"service": {"name": service, "port": {"name" if isinstance(port, str) else "number": port}}}


def _paths(*paths: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"paths": [{"path": path, "pathType": "Prefix", "backend": backend} for path, backend in paths]}


RESOURCE = {"resource": {"apiGroup": "k8s.example.com", "kind": "StorageBucket", "name": "static"}}
INGRESSES = [
    named(
        "networking.k8s.io/v1",
        "Ingress",
        "full",
        metadata={"annotations": {"b": "c", "a": "line\nother"}},
        spec={
            "ingressClassName": "nginx",
            "defaultBackend": _backend("web", 80),
            "tls": [{"hosts": ["a.example.com", "b.example.com"], "secretName": "cert"}, {"hosts": ["c.example.com"]}],
            "rules": [
                {"host": "a.example.com", "http": _paths(("/", _backend("web", 80)), ("/x", _backend("nope", "http")))},
                {"http": _paths(("/files", RESOURCE))},
                {"host": "b.example.com"},
            ],
        },
    ),
    named("networking.k8s.io/v1", "Ingress", "small", spec={"defaultBackend": RESOURCE}),
    named(
        "networking.k8s.io/v1",
        "Ingress",
        "rule",
        metadata={"labels": {}},
        spec={"rules": [{"host": "a.example.com", "http": _paths(("/", _backend("two", "web")))}]},
    ),
]
TWO = named(
    "v1",
    "Service",
    "two",
    spec={"ports": [{"name": "web", "port": 80, "targetPort": 8080}, {"name": "other", "port": 81}]},
)
SLICE = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "two-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "two"}},
    "addressType": "IPv4",
    "ports": [{"name": "web", "port": 8080, "protocol": "TCP"}, {"name": "other", "port": 81, "protocol": "TCP"}],
    "endpoints": [{"addresses": [f"10.1.0.{number}"], "conditions": {"ready": number != 3}} for number in range(2, 8)],
}
PEERS = [
    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.0.0/16"]}},
    {"podSelector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}},
    {"namespaceSelector": {"matchLabels": {"n": "s"}}, "podSelector": {"matchLabels": {"p": "q"}}},
    {"namespaceSelector": {}},
]
PORTS = [
    {"protocol": "TCP", "port": 80},
    {"protocol": "UDP", "port": "dns"},
    {"protocol": "TCP"},
    {"port": 32000, "endPort": 32768},
]
POLICIES = [
    named("networking.k8s.io/v1", "NetworkPolicy", name, spec=spec)
    for name, spec in (
        ("none", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        ("open", {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{}], "egress": [{}]}),
        ("only-out", {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"]}),
        (
            "full",
            {
                "podSelector": {"matchExpressions": [{"key": "x", "operator": "In", "values": ["1", "2"]}]},
                "ingress": [{"from": PEERS, "ports": PORTS}, {"from": PEERS[:1]}],
                "egress": [{"to": PEERS[1:2], "ports": PORTS[:1]}, {"ports": PORTS[:2]}],
                "policyTypes": ["Ingress", "Egress"],
            },
        ),
    )
]
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
SELECTOR = {"matchLabels": {"l": "m"}}
METRICS: list[dict[str, Any]] = [
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}},
    {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "100Mi"}}},
    {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu",
            "container": "c",
            "target": {"type": "Utilization", "averageUtilization": 60},
        },
    },
    {
        "type": "ContainerResource",
        "containerResource": {
            "name": "memory",
            "container": "c",
            "target": {"type": "AverageValue", "averageValue": "1Mi"},
        },
    },
    {
        "type": "Pods",
        "pods": {
            "metric": {"name": "packets", "selector": SELECTOR},
            "target": {"type": "AverageValue", "averageValue": "1k"},
        },
    },
    {
        "type": "Object",
        "object": {
            "metric": {"name": "hits"},
            "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "web"},
            "target": {"type": "Value", "value": "10"},
        },
    },
    {
        "type": "Object",
        "object": {
            "metric": {"name": "hits"},
            "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "web"},
            "target": {"type": "AverageValue", "averageValue": "10"},
        },
    },
    {
        "type": "External",
        "external": {
            "metric": {"name": "queue", "selector": SELECTOR},
            "target": {"type": "AverageValue", "averageValue": "30"},
        },
    },
    {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "30"}}},
]
BEHAVIOR = {
    "scaleUp": {
        "stabilizationWindowSeconds": 60,
        "selectPolicy": "Min",
        "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 30},
            {"type": "Percent", "value": 10, "periodSeconds": 60},
        ],
    },
    "scaleDown": {"selectPolicy": "Disabled"},
}
CURRENT = {"averageUtilization": 40, "averageValue": "50m", "value": "5"}
AUTOSCALER_STATUS: dict[str, Any] = {
    "observedGeneration": 1,
    "lastScaleTime": WHEN,
    "currentReplicas": 2,
    "desiredReplicas": 3,
    "currentMetrics": [
        {
            "type": one["type"],
            (field := one["type"][:1].lower() + one["type"][1:]): {
                **{key: value for key, value in one[field].items() if key != "target"},
                "current": CURRENT,
            },
        }
        for one in METRICS
    ],
    "conditions": [
        {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale", "message": "all is well"},
        {"type": "ScalingActive", "status": "False", "reason": "Failed", "message": "not so well"},
    ],
}


def _autoscaler(name: str, **spec: Any) -> dict[str, Any]:
    wanted = {"scaleTargetRef": TARGET, "maxReplicas": 5, **spec}
    return named("autoscaling/v2", "HorizontalPodAutoscaler", name, spec=wanted)


AUTOSCALERS = [
    _autoscaler("small"),
    _autoscaler("full", minReplicas=2, metrics=METRICS, behavior=BEHAVIOR),
    _autoscaler("fresh", metrics=METRICS),
]


def _request(name: str, **more: Any) -> dict[str, Any]:
    names = [x509.DNSName("a.example.com"), x509.IPAddress(ipaddress.ip_address("10.0.0.1"))]
    spec = {
        "request": request("jane", "team", names),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"],
        **more,
    }
    return named("certificates.k8s.io/v1", "CertificateSigningRequest", name, cluster=True, spec=spec)


REQUESTS = [_request("csr"), _request("short", expirationSeconds=3600)]
ATTRIBUTES = named(
    "storage.k8s.io/v1",
    "VolumeAttributesClass",
    "gold",
    cluster=True,
    driverName="csi.example.com",
    parameters={"iops": "100", "b": "c"},
)
"""The real kubectl of that version asks for an older version of this kind."""
USER = named(
    "v1",
    "Pod",
    "user",
    metadata={"labels": {"app": "user"}},
    spec={
        "containers": [{"name": "c", "image": "i"}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "claim"}}],
    },
)
STATUSES: dict[str, dict[str, Any]] = {
    "/api/v1/namespaces/default/persistentvolumeclaims/claim": {
        "phase": "Bound",
        "capacity": {"storage": "2Gi"},
        "accessModes": ["ReadOnlyMany", "ReadWriteOnce"],
        "conditions": [
            {"type": "Resizing", "status": "True", "lastTransitionTime": WHEN, "message": "grows"},
            {"type": "FileSystemResizePending", "status": "False", "reason": "Why", "lastProbeTime": WHEN},
        ],
    },
    "/api/v1/persistentvolumes/pv-nfs": {"phase": "Failed", "message": "it broke", "reason": "Why"},
    "/apis/networking.k8s.io/v1/namespaces/default/ingresses/full": {
        "loadBalancer": {"ingress": [{"ip": "10.0.0.9"}, {"hostname": "b.example.com"}, {"ip": "10.0.0.1"}]}
    },
    "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/full": AUTOSCALER_STATUS,
}
"""Path of an object → what its controllers would say of it."""
OBJECTS = [USER, *VOLUMES, *CLAIMS, *CLASSES, TWO, SLICE, *INGRESSES, *POLICIES, *AUTOSCALERS, *REQUESTS]
