"""Faults of pods: without node, or with containers that do not run."""

from __future__ import annotations

from tests.integration.cli.faults import (
    OLD,
    Fault,
    Object,
    claim,
    condition,
    container,
    crash,
    event,
    node,
    on_node,
    pod,
    state,
    storage_class,
    using,
    volume,
    waiting,
)

HOST = "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
P = "pod/p"
_GPU: Object = {"name": "g", "exactly": {"deviceClassName": "gpu"}}


def _near(kind: str, app: str) -> Object:
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": app}}}
    return {"affinity": {kind: {REQUIRED: [term]}}}


def taint(key: str, effect: str = "NoSchedule") -> list[Object]:
    return [{"key": key, "effect": effect}]


def bound() -> Object:
    """A claim that has its volume."""
    made = claim(phase="Bound", storageClassName="", volumeName="v")
    made["metadata"]["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
    return made


def _spread() -> Object:
    selector = {"matchLabels": {"app": "web"}}
    rule = {"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}
    return {"topologySpreadConstraints": [rule]}


def _elsewhere() -> Object:
    term = {"matchExpressions": [{"key": HOST, "operator": "In", "values": ["other"]}]}
    return {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}


PLACING = (
    Fault(
        "a scheduling gate",
        P,
        "SchedulingGated",
        (node(), pod(schedulingGates=[{"name": "wait.example/x"}])),
        says="wait.example/x",
    ),
    Fault(
        "no room",
        P,
        "InsufficientResources",
        (node(), pod("q", "3", nodeName="n1"), pod(cpu="2")),
        scheduled=True,
        says="at most 1 of 4 is free",
    ),
    Fault("too large", P, "TooLargeForAnyNode", (node(), pod(cpu="9")), scheduled=True, says="asks for 9"),
    Fault("too many pods", P, "TooManyPods", (node(pods="1"), pod("q", nodeName="n1"), pod()), scheduled=True),
    Fault(
        "too large for the only node that it asks for",
        P,
        "TooLargeForAnyNode",
        (node(), node("n2"), node("n3"), pod(cpu="9", nodeSelector={HOST: "n2"})),
        scheduled=True,
    ),
    Fault(
        "asks for a node that is cordoned",
        P,
        "NodesCordoned",
        (node(), node("n2"), node("n3", unschedulable=True), pod(nodeSelector={HOST: "n3"})),
        scheduled=True,
    ),
    Fault(
        "no device",
        P,
        "DevicesTaken",
        (
            node(),
            {"kind": "DeviceClass", "metadata": {"name": "gpu"}, "spec": {}},
            {"kind": "ResourceClaim", "metadata": {"name": "one"}, "spec": {"devices": {"requests": [_GPU]}}},
            pod(resourceClaims=[{"name": "g", "resourceClaimName": "one"}]),
        ),
        scheduled=True,
    ),
    Fault("no nodes", P, "NoNodes", (pod(),), scheduled=True),
    Fault(
        "nodes not ready",
        P,
        "NodesNotReady",
        (node(taints=taint("node.kubernetes.io/not-ready")), pod()),
        scheduled=True,
    ),
    Fault("nodes cordoned", P, "NodesCordoned", (node(unschedulable=True), pod()), scheduled=True, says="uncordon n1"),
    Fault("a taint", P, "UntoleratedTaint", (node(taints=taint("gpu")), pod()), scheduled=True, says="gpu:NoSchedule"),
    Fault(
        "pressure", P, "NodePressure", (node(taints=taint("node.kubernetes.io/disk-pressure")), pod()), scheduled=True
    ),
    Fault(
        "a node selector",
        P,
        "NodeSelectorMatchesNothing",
        (node(labels={"disk": "hdd"}), pod(nodeSelector={"disk": "ssd"})),
        scheduled=True,
        says="nodes have disk=hdd",
    ),
    Fault("affinity", P, "PodAffinity", (node(), pod(**_near("podAffinity", "db"))), scheduled=True),
    Fault(
        "anti-affinity",
        P,
        "PodAntiAffinity",
        (node(), pod("q", labels={"app": "db"}, nodeName="n1"), pod(**_near("podAntiAffinity", "db"))),
        scheduled=True,
    ),
    Fault(
        "host port",
        P,
        "HostPortTaken",
        (
            node(),
            *(
                pod(n, containers=[container(ports=[{"containerPort": 80, "hostPort": 80}])], **more)
                for n, more in (("q", {"nodeName": "n1"}), ("p", {}))
            ),
        ),
        scheduled=True,
    ),
    Fault(
        "topology spread",
        P,
        "TopologySpread",
        (node(), pod("q", labels={"app": "web"}, nodeName="n1"), pod(labels={"app": "web"}, **_spread())),
        scheduled=True,
    ),
    Fault("another scheduler", P, "SchedulerAbsent", (node(), pod(schedulerName="mine")), says="mine"),
    Fault(
        "preemption",
        P,
        "PreemptionPending",
        (node(), pod(status={"nominatedNodeName": "n1", "conditions": [condition("PodScheduled")]})),
    ),
    Fault("claim missing", P, "ClaimMissing", (node(), pod(**using())), scheduled=True, says="data"),
    Fault("claim without class", P, "NoStorageClass", (node(), claim(), pod(**using())), scheduled=True),
    Fault(
        "claim of an unknown class",
        P,
        "StorageClassMissing",
        (node(), claim(storageClassName="fast"), pod(**using())),
        scheduled=True,
    ),
    Fault(
        "no volume suits",
        P,
        "NoVolumeMatches",
        (node(), claim(storageClassName=""), volume(size="1Mi"), pod(**using())),
        scheduled=True,
        says="too small",
    ),
    Fault(
        "provisioner absent",
        P,
        "ProvisionerAbsent",
        (node(), storage_class("fast", "csi.example"), claim(storageClassName="fast"), pod(**using())),
        scheduled=True,
    ),
    Fault(
        "volume elsewhere",
        P,
        "VolumeElsewhere",
        (
            node(),
            volume(claimRef={"name": "data", "namespace": "default"}, **_elsewhere()),
            bound(),
            pod(**using()),
        ),
        scheduled=True,
    ),
    Fault("assigned to no node", P, "NodeMissing", (pod(nodeName="gone"),)),
)


def _config(message: str, name: str) -> Fault:
    return Fault(f"settings: {message}", P, name, (node(), on_node(waiting("CreateContainerConfigError", message))))


def _pull(words: str, cause: str) -> Fault:
    failed = event("Failed", f'Failed to pull image "example.test/c:1": {words}')
    back_off = waiting("ImagePullBackOff", 'Back-off pulling image "example.test/c:1"')
    return Fault(f"image: {words}", P, cause, (node(), on_node(back_off), failed), says=words)


PROBE: Object = {"httpGet": {"path": "/ready", "port": 80}}
RUNNING: Object = {"running": {"startedAt": OLD}}
STARTING = waiting("ContainerCreating")
CONTAINERS = (
    _pull("rpc error: code = NotFound desc = example.test/c:1: not found", "ImageNotFound"),
    _pull("failed to authorize: 401 Unauthorized", "ImagePullDenied"),
    _pull("dial tcp: lookup example.test: no such host", "RegistryUnreachable"),
    Fault("image never pulled", P, "ImageNeverPulled", (node(), on_node(waiting("ErrImageNeverPull")))),
    Fault("bad image name", P, "InvalidImageName", (node(), on_node(waiting("InvalidImageName")))),
    _config('configmap "settings" not found', "ConfigMapMissing"),
    _config('secret "password" not found', "SecretMissing"),
    _config("couldn't find key url in ConfigMap default/settings", "KeyMissing"),
    _config("container has runAsNonRoot and image will run as root", "ContainerSettings"),
    Fault(
        "volume of a missing secret",
        P,
        "SecretMissing",
        (node(), on_node(STARTING, volumes=[{"name": "s", "secret": {"secretName": "tls"}}])),
        says="tls",
    ),
    Fault(
        "mount",
        P,
        "MountFailed",
        (node(), on_node(STARTING), event("FailedMount", 'MountVolume.SetUp failed for volume "d": timed out')),
    ),
    Fault(
        "cni",
        P,
        "NetworkNotReady",
        (node(), on_node(STARTING), event("FailedCreatePodSandBox", 'plugin type="bridge" failed (add): no network')),
    ),
    Fault(
        "sandbox",
        P,
        "SandboxFailed",
        (node(), on_node(STARTING), event("FailedCreatePodSandBox", "cannot start the shim")),
    ),
    Fault("still creating", P, "BeingCreated", (node(), on_node(STARTING))),
    Fault("out of memory", P, "OOMKilled", (node(), on_node(crash(137, "OOMKilled"), phase="Running"))),
    Fault(
        "memory limit",
        P,
        "OOMKilled",
        (
            node(),
            on_node(
                crash(137, "OOMKilled"),
                phase="Running",
                containers=[container(resources={"limits": {"memory": "64Mi"}})],
            ),
        ),
        says="128Mi",
    ),
    Fault(
        "exit code",
        P,
        "Crashes",
        (node(), on_node(crash(3, message="no database"), phase="Running")),
        says="no database",
    ),
    Fault(
        "no such command",
        P,
        "BadCommand",
        (node(), on_node(waiting("RunContainerError", 'exec: "srv": executable file not found in $PATH'))),
    ),
    Fault("exit code 127", P, "BadCommand", (node(), on_node(crash(127), phase="Running"))),
    Fault("ends at once", P, "EndsByItself", (node(), on_node(crash(0, "Completed"), phase="Running"))),
    Fault(
        "liveness",
        P,
        "LivenessProbeFails",
        (
            node(),
            on_node(crash(137), phase="Running"),
            event("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500"),
        ),
        says="statuscode: 500",
    ),
    Fault(
        "startup killed",
        P,
        "StartupProbeFails",
        (node(), on_node(crash(137), phase="Running"), event("Unhealthy", "Startup probe failed: refused")),
    ),
    Fault(
        "readiness",
        P,
        "ReadinessProbeFails",
        (
            node(),
            on_node(state(**RUNNING), phase="Running", containers=[container(readinessProbe=PROBE)]),
            event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
        ),
        says="statuscode: 503",
    ),
    Fault(
        "starting",
        P,
        "StartupProbeFails",
        (node(), on_node(state(**RUNNING), phase="Running", containers=[container(startupProbe=PROBE)])),
    ),
    Fault(
        "readiness gate",
        P,
        "ReadinessGate",
        (
            node(),
            on_node(state(ready=True, **RUNNING), phase="Running", readinessGates=[{"conditionType": "lb.example/ok"}]),
        ),
        says="lb.example/ok",
    ),
    Fault(
        "init fails",
        P,
        "Crashes",
        (
            node(),
            on_node(
                waiting("PodInitializing"),
                init=(crash(1) | {"name": "i"},),
                initContainers=[container() | {"name": "i"}],
            ),
        ),
        says="logs p -c i --previous",
    ),
    Fault(
        "init hangs",
        P,
        "InitContainerRuns",
        (
            node(),
            on_node(
                waiting("PodInitializing"), init=(state("i", **RUNNING),), initContainers=[container() | {"name": "i"}]
            ),
        ),
    ),
    Fault(
        "post start hook again and again",
        P,
        "PostStartHookFailed",
        (node(), on_node(crash(0, "Completed"), phase="Running"), event("FailedPostStartHook", "PostStartHook failed")),
    ),
    Fault("post start hook", P, "PostStartHookFailed", (node(), on_node(waiting("PostStartHookError", "exit 1")))),
    Fault(
        "evicted",
        P,
        "Evicted",
        (
            node(),
            on_node(phase="Failed", status={"reason": "Evicted", "message": "The node was low on resource: memory."}),
        ),
    ),
    Fault(
        "pod deadline",
        P,
        "DeadlineExceeded",
        (node(), on_node(phase="Failed", status={"reason": "DeadlineExceeded", "message": "too long"})),
    ),
    Fault(
        "failed",
        P,
        "Crashes",
        (node(), on_node(state(terminated={"exitCode": 2, "reason": "Error"}), phase="Failed", restartPolicy="Never")),
        says='logs p"',
    ),
    Fault(
        "kubelet silent",
        P,
        "KubeletSilent",
        (node(), pod(nodeName="n1", status={"phase": "Pending", "conditions": [condition("PodScheduled", "True")]})),
    ),
    Fault(
        "node lost under a pod",
        P,
        "KubeletStopped",
        (node(ready="Unknown"), on_node(state(**RUNNING), phase="Running")),
    ),
)
OF_PODS = (*PLACING, *CONTAINERS)
