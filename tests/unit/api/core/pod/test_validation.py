"""Mistakes in a pod, its volumes and their mounts are told with upstream's paths and words."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.core.pod_template import POD_TEMPLATE
from tests.unit.api.objects import LABEL, decoded, pod_spec, pod_wire, texts
from tests.unit.api.objects import mistakes_of_pod as mistakes

C = "spec.containers[0]"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def node_terms(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(terms)}}}}


def spread(**more: Any) -> dict[str, Any]:
    return {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", **more}


TERMS = f"spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms"
SPEC: list[Any] = [
    pytest.param({"containers": []}, ["spec.containers: Required value"], id="no-containers"),
    pytest.param(
        {"containers": [{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]},
        ['spec.containers[1].name: Duplicate value: "a"'],
        id="container-twice",
    ),
    pytest.param(
        {"initContainers": [{"name": "c", "image": "i"}]},
        ['spec.initContainers[0].name: Duplicate value: "c"'],
        id="init-twice",
    ),
    pytest.param(
        {"initContainers": [{"name": "i", "image": "i", "readinessProbe": {"tcpSocket": {"port": 1}}}]},
        [
            "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always"
        ],
        id="init-probe",
    ),
    pytest.param(
        {"restartPolicy": "Maybe"},
        ['spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"'],
        id="restart-policy",
    ),
    pytest.param(
        {"dnsPolicy": "x"},
        [
            'spec.dnsPolicy: Unsupported value: "x": '
            'supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"'
        ],
        id="dns-policy",
    ),
    pytest.param(
        {"dnsPolicy": "None"},
        ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
        id="dns-none",
    ),
    pytest.param(
        {"dnsConfig": {"nameservers": ["1.1.1.1", "x"]}},
        [
            'spec.dnsConfig.nameservers[1]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
        ],
        id="dns-server",
    ),
    pytest.param(
        {"activeDeadlineSeconds": 0},
        ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
        id="deadline",
    ),
    pytest.param(
        {
            "hostNetwork": True,
            "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 1, "hostPort": 2}]}],
        },
        [
            "spec.containers[0].ports[0].hostPort: Invalid value: 2: "
            "must match `containerPort` when `hostNetwork` is true"
        ],
        id="host-network-port",
    ),
    pytest.param(
        {"hostUsers": False, "hostNetwork": True},
        ["spec.hostNetwork: Forbidden: when `pod.Spec.HostUsers` is false"],
        id="own-users-host-network",
    ),
    pytest.param(
        {"hostPID": True, "shareProcessNamespace": True},
        [
            "spec.securityContext.shareProcessNamespace: Invalid value: true: "
            "ShareProcessNamespace and HostPID cannot both be enabled"
        ],
        id="shared-and-host-pid",
    ),
    pytest.param(
        {"securityContext": {"sysctls": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}},
        ['spec.securityContext.sysctls[1].name: Duplicate value: "a"'],
        id="sysctl-twice",
    ),
    pytest.param(
        {"securityContext": {"fsGroupChangePolicy": "x"}},
        [
            'spec.securityContext.fsGroupChangePolicy: Unsupported value: "x": supported values: "Always", "OnRootMismatch"'
        ],
        id="fs-group-policy",
    ),
    pytest.param(
        {"schedulingGates": [{"name": "a"}], "nodeName": "n"},
        ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
        id="gated-and-bound",
    ),
    pytest.param(
        {"schedulingGates": [{"name": "a"}, {"name": "a"}]},
        ['spec.schedulingGates[1]: Duplicate value: "a"'],
        id="gate-twice",
    ),
    pytest.param(
        {**node_terms()}, [f"{TERMS}: Required value: must have at least one node selector term"], id="no-terms"
    ),
    pytest.param(
        {**node_terms({"matchExpressions": [{"key": "a", "operator": "Like", "values": ["b"]}]})},
        [f'{TERMS}[0].matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator'],
        id="term-operator",
    ),
    pytest.param(
        {**node_terms({"matchExpressions": [{"key": "a", "operator": "In"}]})},
        [
            f"{TERMS}[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"
        ],
        id="term-no-values",
    ),
    pytest.param(
        {**node_terms({"matchFields": [{"key": "spec.x", "operator": "In", "values": ["b"]}]})},
        [f'{TERMS}[0].matchFields[0].key: Invalid value: "spec.x": not a valid field selector key'],
        id="term-field",
    ),
    pytest.param(
        {"affinity": {"nodeAffinity": {PREFERRED: [{"weight": 101, "preference": {}}]}}},
        [f"spec.affinity.nodeAffinity.{PREFERRED}[0].weight: Invalid value: 101: must be in the range 1-100"],
        id="weight",
    ),
    pytest.param(
        {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]},
        ["spec.tolerations[0].operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'"],
        id="toleration-value",
    ),
    pytest.param(
        {"tolerations": [{"value": "b"}]},
        [
            'spec.tolerations[0].operator: Invalid value: "": '
            'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        ],
        id="toleration-no-key",
    ),
    pytest.param(
        {"tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 1, "effect": "NoSchedule"}]},
        [
            'spec.tolerations[0].effect: Invalid value: "NoSchedule": '
            "effect must be 'NoExecute' when `tolerationSeconds` is set"
        ],
        id="toleration-seconds",
    ),
    pytest.param(
        {"topologySpreadConstraints": [spread(maxSkew=0)]},
        ["spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero"],
        id="skew",
    ),
    pytest.param(
        {"topologySpreadConstraints": [spread(), spread()]},
        [
            "spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: "
            'Duplicate value: "{zone, DoNotSchedule}"'
        ],
        id="spread-twice",
    ),
    pytest.param(
        {"hostAliases": [{"ip": "1.2.3"}]},
        [
            'spec.hostAliases[0].ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
        ],
        id="alias",
    ),
    pytest.param({"hostname": "A"}, [f'spec.hostname: Invalid value: "A": {LABEL}'], id="hostname"),
    pytest.param(
        {"os": {"name": "plan9"}},
        ['spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'],
        id="os",
    ),
    pytest.param(
        {"os": {"name": "windows"}, "securityContext": {"runAsUser": 1}},
        ["spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod"],
        id="windows",
    ),
    pytest.param(
        {
            "resources": {"requests": {"cpu": "1"}},
            "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "2"}}}],
        },
        [
            'spec.resources.requests[cpu]: Invalid value: "1": '
            "must be greater than or equal to aggregate container requests of 2"
        ],
        id="pod-level-too-small",
    ),
]


@pytest.mark.parametrize(("spec", "expected"), SPEC)
def test_refused_spec(spec: dict[str, Any], expected: list[str]) -> None:
    assert mistakes({"metadata": {"name": "p"}, "spec": {**pod_spec(), **spec}}) == expected


V = "spec.volumes[0]"
VOLUMES: list[Any] = [
    pytest.param({"name": "", "emptyDir": {}}, [f"{V}.name: Required value"], id="no-name"),
    pytest.param(
        {"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}},
        [f"{V}.hostPath: Forbidden: may not specify more than 1 volume type"],
        id="two-sources",
    ),
    pytest.param({"name": "v", "hostPath": {}}, [f"{V}.hostPath.path: Required value"], id="hostPath-none"),
    pytest.param(
        {"name": "v", "hostPath": {"path": "/a/../b"}},
        [f"{V}.hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"],
        id="hostPath-up",
    ),
    pytest.param({"name": "v", "configMap": {}}, [f"{V}.configMap.name: Required value"], id="configMap-none"),
    pytest.param(
        {"name": "v", "secret": {"secretName": "s", "defaultMode": 512}},
        [f"{V}.secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive"],
        id="mode",
    ),
    pytest.param(
        {"name": "v", "secret": {"secretName": "s", "items": [{"key": "k", "path": "/abs"}]}},
        [f'{V}.secret.items[0].path: Invalid value: "/abs": must be a relative path'],
        id="absolute-item",
    ),
    pytest.param(
        {"name": "v", "emptyDir": {"sizeLimit": "-1"}},
        [f"{V}.emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"],
        id="sizeLimit",
    ),
    pytest.param(
        {"name": "v", "persistentVolumeClaim": {}}, [f"{V}.persistentVolumeClaim.claimName: Required value"], id="claim"
    ),
    pytest.param(
        {"name": "v", "nfs": {"server": "s", "path": "rel"}},
        [f'{V}.nfs.path: Invalid value: "rel": must be an absolute path'],
        id="nfs",
    ),
    pytest.param(
        {"name": "v", "downwardAPI": {"items": [{"path": "a"}]}},
        [f"{V}.downwardAPI: Required value: one of fieldRef and resourceFieldRef is required"],
        id="downward-nothing",
    ),
    pytest.param(
        {
            "name": "v",
            "projected": {
                "sources": [
                    {"secret": {"name": "s", "items": [{"key": "a", "path": "x"}]}},
                    {"configMap": {"name": "m", "items": [{"key": "a", "path": "x"}]}},
                ]
            },
        },
        [f'{V}.projected: Invalid value: "m": conflicting duplicate paths'],
        id="projected-clash",
    ),
    pytest.param({"name": "v", "csi": {}}, [f"{V}.csi.driver: Required value"], id="csi"),
    pytest.param({"name": "v", "image": {}}, [f"{V}.image.reference: Required value"], id="image"),
]


@pytest.mark.parametrize(("volume", "expected"), VOLUMES)
def test_refused_volume(volume: dict[str, Any], expected: list[str]) -> None:
    assert mistakes(pod_wire(volumes=[volume])) == expected


def test_a_token_needs_a_service_account_and_ten_minutes() -> None:
    token = {"serviceAccountToken": {"path": "t", "expirationSeconds": 599}}
    here = f"{V}.projected.sources[0].serviceAccountToken"
    assert mistakes(pod_wire(volumes=[{"name": "v", "projected": {"sources": [token]}}])) == [
        f"{here}.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes",
        f"{here}: Forbidden: must not be specified when serviceAccountName is not set",
    ]


MOUNTS: list[Any] = [
    pytest.param([{"name": "v"}], [f"{C}.volumeMounts[0].mountPath: Required value"], id="no-path"),
    pytest.param(
        [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"}],
        [f'{C}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique'],
        id="path-twice",
    ),
    pytest.param(
        [{"name": "v", "mountPath": "/a", "subPath": "../x"}],
        [f"{C}.volumeMounts.subPath: Invalid value: \"../x\": must not contain '..'"],
        id="subPath-up",
    ),
    pytest.param(
        [{"name": "v", "mountPath": "/a", "mountPropagation": "Bidirectional"}],
        [
            f"{C}.volumeMounts.mountPropagation: Forbidden: "
            "Bidirectional mount propagation is available only to privileged containers"
        ],
        id="propagation",
    ),
    pytest.param(
        [{"name": "v", "mountPath": "/a", "recursiveReadOnly": "Enabled"}],
        [f"{C}.volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true"],
        id="recursive",
    ),
]


@pytest.mark.parametrize(("mounts", "expected"), MOUNTS)
def test_refused_mount(mounts: list[Any], expected: list[str]) -> None:
    assert mistakes(pod_wire({"volumeMounts": mounts}, volumes=[{"name": "v", "emptyDir": {}}])) == expected


def test_every_mistake_is_told_at_once() -> None:
    found = mistakes(pod_wire({"name": "", "image": "", "ports": [{}]}, restartPolicy="x"))
    assert len(found) == 4


def test_annotations_of_mirror_pods_and_deletion_cost() -> None:
    annotations = {"kubernetes.io/config.mirror": "x", "controller.kubernetes.io/pod-deletion-cost": "1.5"}
    assert mistakes(pod_wire(metadata={"annotations": annotations})) == [
        'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": '
        "must set spec.nodeName if mirror pod annotation is set",
        'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "1.5": must be a 32bit integer',
    ]


def test_a_template_may_pad_images_but_not_have_ephemeral_containers() -> None:
    spec = pod_spec({"image": " web:1 "}, ephemeralContainers=[{"name": "e", "image": "i"}])
    holder = decoded(POD_TEMPLATE, {"metadata": {"name": "t"}, "template": {"spec": spec}})
    assert texts(POD_TEMPLATE.validate(holder)) == [
        "template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template"
    ]
