"""Faults of everything but single pods, and `FAULTS`: all."""

from __future__ import annotations

from typing import Any

from tests.integration.cli.faults import (
    OLD,
    Fault,
    Object,
    claim,
    condition,
    crash,
    event,
    job,
    node,
    on_node,
    pod,
    refused,
    service,
    state,
    storage_class,
    using,
    volume,
    waiting,
    workload,
)
from tests.integration.cli.faults_of_keepers import OF_KEEPERS
from tests.integration.cli.faults_of_pods import OF_PODS, RUNNING, P, taint

FINALIZED: Any = {"finalizers": ["example.test/keep"]}
GOING = (
    Fault("finalizer", P, "Finalizers", (pod(metadata=FINALIZED),), delete=("Pod/p",), says="example.test/keep"),
    Fault(
        "grace period",
        P,
        "GracePeriod",
        (node(), on_node(state(ready=True, **RUNNING), phase="Running", terminationGracePeriodSeconds=3000)),
        delete=("Pod/p",),
    ),
    Fault(
        "dead node",
        P,
        "KubeletStopped",
        (node(ready="Unknown"), on_node(state(**RUNNING), phase="Running")),
        delete=("Pod/p",),
        says="DeadNode",
    ),
    Fault(
        "claim in use",
        "pvc/data",
        "ClaimInUse",
        (
            node(),
            claim(phase="Bound") | {"metadata": {"name": "data", "finalizers": ["kubernetes.io/pvc-protection"]}},
            pod(nodeName="n1", **using()),
        ),
        delete=("PersistentVolumeClaim/data",),
    ),
    Fault(
        "a held deployment",
        "deployment/web",
        "Finalizers",
        (workload("Deployment") | {"metadata": {"name": "web", **FINALIZED}},),
        delete=("Deployment/web",),
    ),
    Fault(
        "a held namespace",
        "namespace/x",
        "ContentHasFinalizers",
        (
            {
                "kind": "Namespace",
                "metadata": {"name": "x", **FINALIZED},
                "status": {
                    "conditions": [
                        condition(
                            "NamespaceFinalizersRemaining",
                            "True",
                            "SomeFinalizersRemain",
                            "Some content has finalizers remaining: example.test/keep in 1 resource instances",
                        )
                    ]
                },
            },
        ),
        delete=("Namespace/x",),
    ),
)
WAITS = "WaitForFirstConsumer"
CLAIMS = (
    Fault(
        "first consumer",
        "pvc/data",
        "WaitsForFirstConsumer",
        (storage_class("local", "csi.example", WAITS), claim(storageClassName="local")),
    ),
    Fault(
        "provisioning failed",
        "pvc/data",
        "ProvisioningFailed",
        (
            storage_class("fast", "csi.example"),
            claim(storageClassName="fast"),
            event("ProvisioningFailed", "no quota left", "PersistentVolumeClaim/data"),
        ),
        says="no quota left",
    ),
    Fault(
        "by hand",
        "pvc/data",
        "NoVolumeMatches",
        (storage_class("hand", "kubernetes.io/no-provisioner"), claim(storageClassName="hand")),
    ),
    Fault(
        "a class without object, whose volumes are too small",
        "pvc/data",
        "NoVolumeMatches",
        (volume("small", "1Mi", storageClassName="manual"), claim(storageClassName="manual")),
        says="small: it is too small (1Mi)",
    ),
    Fault(
        "waits to grow",
        "pvc/data",
        "ExpansionPending",
        (
            claim(storageClassName="", volumeName="v", phase="Bound")
            | {"status": {"phase": "Bound", "capacity": {"storage": "1Mi"}}},
        ),
        says="it asks for 1Gi and has 1Mi",
    ),
    Fault("named volume missing", "pvc/data", "VolumeMissing", (claim(storageClassName="", volumeName="gone"),)),
    Fault(
        "named volume taken",
        "pvc/data",
        "VolumeTaken",
        (volume(claimRef={"name": "other", "namespace": "default"}), claim(storageClassName="", volumeName="v")),
    ),
    Fault("volume lost", "pvc/data", "VolumeLost", (claim(phase="Lost", storageClassName="", volumeName="v"),)),
)
WEB: Object = {"labels": {"app": "web"}}
READY = [condition("Ready", "True")]


def _ready_pod() -> Object:
    made = on_node(state(ready=True, **RUNNING), phase="Running", **WEB)
    made["status"]["conditions"] = READY
    return made


SERVICES = (
    Fault(
        "selector",
        "service/web",
        "SelectorMatchesNothing",
        (service({"app": "web", "tier": "front"}), pod(labels={"app": "web", "tier": "frontend"})),
        says="tier=frontend, not front",
    ),
    Fault(
        "pods not ready",
        "service/web",
        "ReadinessProbeFails",
        (node(), service({"app": "web"}), on_node(state(**RUNNING), phase="Running", **WEB)),
    ),
    Fault(
        "port name",
        "service/web",
        "PortNameMismatch",
        (service({"app": "web"}, ports=[{"port": 80, "targetPort": "http"}]), node(), _ready_pod()),
        says="http",
    ),
    Fault(
        "load balancer",
        "service/web",
        "LoadBalancerPending",
        (service({"app": "web"}, type="LoadBalancer"), node(), _ready_pod()),
        says="nothing in this cluster has answered",
    ),
    Fault(
        "load balancer without address",
        "service/web",
        "LoadBalancerFailed",
        (
            service({"app": "web"}, type="LoadBalancer"),
            node(),
            _ready_pod(),
            event("SyncLoadBalancerFailed", "no address is left in the pool", "Service/web"),
        ),
        says="it was given no address",
    ),
    Fault(
        "a typing error in a selector",
        "service/web",
        "SelectorMatchesNothing",
        (service({"app": "fornt"}), pod("a", labels={"app": "back"}), pod("b", labels={"app": "front"})),
        says="the nearest is pod b, which has app=front, not fornt",
    ),
    Fault("no selector", "service/web", "NoEndpoints", (service(None),)),
)
QUOTA = 'pods "web-1-" is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2'
SECURITY = 'pods "web-1-" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false'
HOOK = 'admission webhook "no.example" denied the request: never on Fridays'
ACCOUNT = 'pods "web-1-" is forbidden: error looking up service account default/robot: serviceaccount "robot" not found'
DEPLOYMENT = "deployment/web"


def _owned(pods: Object) -> tuple[Object, ...]:
    return (
        node(),
        workload("Deployment", replicas=1),
        workload("ReplicaSet", "web-1", {"replicas": 1, "observedGeneration": 1}) | {"owner": "Deployment/web"},
        pods | {"owner": "ReplicaSet/web-1"},
    )


def _late() -> tuple[Object, ...]:
    found = _owned(on_node(waiting("ErrImagePull", "not found"), **WEB))
    stalled = {"conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded")]}
    return (found[0], found[1] | {"status": stalled}, *found[2:])


JOB_POD = on_node(
    state(terminated={"exitCode": 5, "reason": "Error"}),
    phase="Failed",
    restartPolicy="Never",
    owner="Job/j",
    labels={"job": "j"},
)
FAILED_JOB: Object = {"startTime": OLD, "failed": 1}


def _over(reason: str, **more: Any) -> Object:
    done = [condition("FailureTarget", "True", reason, "m"), condition("Failed", "True", reason, "m")]
    return FAILED_JOB | {"conditions": done} | more


WORKLOADS = (
    Fault("quota", DEPLOYMENT, "QuotaExceeded", refused(QUOTA), says="limited: pods=2"),
    Fault("pod security", DEPLOYMENT, "ForbiddenByPodSecurity", refused(SECURITY)),
    Fault("webhook", DEPLOYMENT, "WebhookDenied", refused(HOOK), says="Fridays"),
    Fault("service account", DEPLOYMENT, "ServiceAccountMissing", refused(ACCOUNT)),
    Fault(
        "webhook silent",
        "rs/web-1",
        "WebhookUnreachable",
        refused('failed calling webhook "x": context deadline exceeded'),
    ),
    Fault("paused", DEPLOYMENT, "Paused", (workload("Deployment", paused=True),)),
    Fault(
        "a deployment shares the cause of its pods",
        DEPLOYMENT,
        "Crashes",
        _owned(on_node(crash(3, message="no database"), phase="Running", **WEB)),
    ),
    Fault("progress deadline", DEPLOYMENT, "ImageNotFound", _late(), says="ProgressDeadlineExceeded"),
    Fault("no controller", "sts/web", "ControllerAbsent", (workload("StatefulSet"),)),
    Fault(
        "ordinal",
        "sts/web",
        "Crashes",
        (
            node(),
            workload("StatefulSet", replicas=3, status={"observedGeneration": 1, "replicas": 1}),
            on_node(crash(1), name="web-0", phase="Running", owner="StatefulSet/web", **WEB),
        ),
        says="2 with higher ordinals wait",
    ),
    Fault(
        "no node for a daemon set",
        "ds/web",
        "NoNodeWanted",
        (
            node(taints=taint("gpu")),
            workload(
                "DaemonSet",
                status={
                    "observedGeneration": 1,
                    "desiredNumberScheduled": 0,
                    "currentNumberScheduled": 0,
                    "numberMisscheduled": 0,
                    "numberReady": 0,
                },
            ),
        ),
        says="gpu",
    ),
    Fault(
        "back-off limit",
        "job/j",
        "Crashes",
        (node(), job(_over("BackoffLimitExceeded"), backoffLimit=0), JOB_POD),
        says="BackoffLimitExceeded",
    ),
    Fault(
        "job deadline",
        "job/j",
        "DeadlineExceeded",
        (job(_over("DeadlineExceeded", failed=0), activeDeadlineSeconds=1),),
    ),
    Fault("job suspended", "job/j", "Suspended", (job({}, suspend=True),)),
)
NODES = (
    Fault(
        "heartbeat",
        "node/n1",
        "KubeletStopped",
        (
            node(ready="Unknown"),
            {
                "kind": "Lease",
                "metadata": {"name": "n1", "namespace": "kube-node-lease"},
                "spec": {"renewTime": "2020-01-01T00:00:00.000000Z", "holderIdentity": "n1"},
            },
        ),
        says="last sign of life",
    ),
    Fault(
        "network plugin",
        "node/n1",
        "NetworkUnavailable",
        (node(ready="False", message="container runtime network not ready: cni config uninitialized"),),
    ),
    Fault(
        "memory pressure",
        "node/n1",
        "MemoryPressure",
        (node(conditions=[condition("MemoryPressure", "True", "KubeletHasInsufficientMemory", "low")]),),
    ),
    Fault("cordoned", "node/n1", "Cordoned", (node(unschedulable=True),)),
    Fault("tainted", "node/n1", "Tainted", (node(taints=taint("gpu")),)),
    Fault(
        "budget",
        "node/n1",
        "EvictionBlocked",
        (
            node(unschedulable=True),
            pod(nodeName="n1", **WEB),
            {
                "kind": "PodDisruptionBudget",
                "metadata": {"name": "b"},
                "spec": {"selector": {"matchLabels": {"app": "web"}}, "minAvailable": 1},
                "status": {
                    "disruptionsAllowed": 0,
                    "currentHealthy": 1,
                    "desiredHealthy": 1,
                    "expectedPods": 1,
                    "observedGeneration": 1,
                },
            },
        ),
        says="budget b",
    ),
)
FAULTS = (*OF_PODS, *GOING, *CLAIMS, *SERVICES, *WORKLOADS, *NODES, *OF_KEEPERS)
