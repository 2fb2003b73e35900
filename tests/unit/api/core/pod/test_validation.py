"""Mistakes in a pod are told with upstream's paths and words."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.core.pod.kind import POD
from kubelite.api.core.pod_template import POD_TEMPLATE
from tests.unit.api.objects import decoded, pod_spec, pod_wire, texts

C = "spec.containers[0]"
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)


def mistakes(wire: dict[str, Any]) -> list[str]:
    return texts(POD.validate(decoded(POD, wire)))


def env(**source: Any) -> dict[str, Any]:
    return {"env": [{"name": "A", "valueFrom": source}]}


def probe(**handler: Any) -> dict[str, Any]:
    return {"livenessProbe": handler}


VALID: list[Any] = [
    pytest.param({}, {}, id="bare"),
    pytest.param(
        {"ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 443, "name": "https"}]}, {}, id="ports"
    ),
    pytest.param({"env": [{"name": "a.b-c_D", "value": "x"}, {"name": "1 weird:name"}]}, {}, id="relaxed-env-names"),
    pytest.param(env(fieldRef={"fieldPath": "metadata.labels['app']"}), {}, id="label-by-key"),
    pytest.param(env(resourceFieldRef={"resource": "limits.memory", "divisor": "1Mi"}), {}, id="resource-reference"),
    pytest.param(env(secretKeyRef={"name": "s", "key": "k"}), {}, id="secret-key"),
    pytest.param({"resources": {"limits": {"nvidia.com/gpu": 1}}}, {}, id="extended-resource"),
    pytest.param({"resources": {"limits": {"hugepages-2Mi": "4Mi", "memory": "1Gi"}}}, {}, id="huge-pages"),
    pytest.param(probe(grpc={"port": 5000}), {}, id="grpc-probe"),
    pytest.param({"readinessProbe": {"tcpSocket": {"port": "web"}, "successThreshold": 3}}, {}, id="tcp-probe-by-name"),
    pytest.param({"lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}, {}, id="sleep-hook"),
    pytest.param({}, {"tolerations": [{"operator": "Exists"}]}, id="tolerate-all"),
    pytest.param({}, {"initContainers": [{"name": "s", "image": "i", "restartPolicy": "Always"}]}, id="sidecar"),
    pytest.param(
        {}, {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"], "searches": ["a_b.c.", "."]}}, id="dns"
    ),
    pytest.param({}, {"hostAliases": [{"ip": "127.0.0.1", "hostnames": ["a.b"]}]}, id="host-aliases"),
    pytest.param({}, {"securityContext": {"sysctls": [{"name": "net.ipv4.ip_forward", "value": "1"}]}}, id="sysctl"),
    pytest.param({"securityContext": {"privileged": True}}, {}, id="privileged"),
    pytest.param(
        {"volumeMounts": [{"name": "v", "mountPath": "/a"}]}, {"volumes": [{"name": "v", "emptyDir": {}}]}, id="mount"
    ),
]


@pytest.mark.parametrize(("container", "spec"), VALID)
def test_accepted(container: dict[str, Any], spec: dict[str, Any]) -> None:
    assert mistakes(pod_wire(container, **spec)) == []


RULE = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
CODES = list(range(256))

CONTAINER: list[Any] = [
    pytest.param({"name": ""}, [f"{C}.name: Required value"], id="no-name"),
    pytest.param({"name": "A_b"}, [f'{C}.name: Invalid value: "A_b": {LABEL}'], id="bad-name"),
    pytest.param({"image": ""}, [f"{C}.image: Required value"], id="no-image"),
    pytest.param(
        {"image": " web:1"},
        [f'{C}.image: Invalid value: " web:1": must not have leading or trailing whitespace'],
        id="padded-image",
    ),
    pytest.param(
        {"imagePullPolicy": "Sometimes"},
        [f'{C}.imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"'],
        id="pull-policy",
    ),
    pytest.param(
        {"terminationMessagePolicy": "x"},
        [f'{C}.terminationMessagePolicy: Unsupported value: "x": supported values: "File", "FallbackToLogsOnError"'],
        id="message-policy",
    ),
    pytest.param({"ports": [{}]}, [f"{C}.ports[0].containerPort: Required value"], id="no-port"),
    pytest.param(
        {"ports": [{"containerPort": 65536}]},
        [f"{C}.ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive"],
        id="port-range",
    ),
    pytest.param(
        {"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]},
        [f'{C}.ports[1].name: Duplicate value: "a"'],
        id="port-name-twice",
    ),
    pytest.param(
        {"ports": [{"containerPort": 1, "hostPort": 9}, {"containerPort": 2, "hostPort": 9}]},
        [f'{C}.ports[1].hostPort: Duplicate value: "TCP//9"'],
        id="host-port-twice",
    ),
    pytest.param(
        {"ports": [{"containerPort": 1, "protocol": "ICMP"}]},
        [f'{C}.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'],
        id="port-protocol",
    ),
    pytest.param({"env": [{"value": "x"}]}, [f"{C}.env[0].name: Required value"], id="env-no-name"),
    pytest.param(
        {"env": [{"name": "a=b"}]},
        [
            f'{C}.env[0].name: Invalid value: "a=b": a valid environment variable name must consist only of printable '
            "ASCII characters other than '='"
        ],
        id="env-bad-name",
    ),
    pytest.param(
        {"env": [{"name": "A", "value": "x", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
        [f'{C}.env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
        id="env-two-values",
    ),
    pytest.param(
        env(secretKeyRef={"name": "s", "key": "k"}, configMapKeyRef={"name": "s", "key": "k"}),
        [f'{C}.env[0].valueFrom: Invalid value: "": may not have more than one field specified at a time'],
        id="env-two-sources",
    ),
    pytest.param(
        env(secretKeyRef={"name": "s"}),
        [f"{C}.env[0].valueFrom.secretKeyRef.key: Required value"],
        id="env-secret-no-key",
    ),
    pytest.param(
        env(fieldRef={"fieldPath": "metadata.color"}),
        [
            f'{C}.env[0].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.color": '
            "error converting fieldPath: field label not supported: metadata.color"
        ],
        id="env-unknown-field",
    ),
    pytest.param(
        env(fieldRef={"fieldPath": "metadata.labels"}),
        [
            f'{C}.env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: '
            '"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", '
            '"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"'
        ],
        id="env-volume-field",
    ),
    pytest.param(
        env(resourceFieldRef={"resource": "limits.cpu", "divisor": "2"}),
        [
            f'{C}.env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": '
            "only divisor's values 1m and 1 are supported with the cpu resource"
        ],
        id="env-divisor",
    ),
    pytest.param(
        {"envFrom": [{}]},
        [f'{C}.envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
        id="envFrom-nothing",
    ),
    pytest.param(
        {"envFrom": [{"secretRef": {}}]}, [f"{C}.envFrom[0].secretRef.name: Required value"], id="envFrom-no-name"
    ),
    pytest.param(
        {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
        [f'{C}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
        id="request-above-limit",
    ),
    pytest.param(
        {"resources": {"requests": {"cpu": "-1"}}},
        [f'{C}.resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
        id="negative-request",
    ),
    pytest.param(
        {"resources": {"limits": {"gpu": "1"}}},
        [
            f'{C}.resources.{part}[gpu]: Invalid value: "gpu": {text}'
            for part in ("limits", "requests")
            for text in (
                "must be a standard resource type or fully qualified",
                "must be a standard resource for containers",
            )
        ],
        id="unknown-resource",
    ),
    pytest.param(
        {"resources": {"requests": {"nvidia.com/gpu": 1}}},
        [f"{C}.resources.limits: Required value: Limit must be set for non overcommitable resources"],
        id="extended-without-limit",
    ),
    pytest.param(
        {"resources": {"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": 2}}},
        [f'{C}.resources.requests: Invalid value: "1": must be equal to nvidia.com/gpu limit of 2'],
        id="extended-overcommitted",
    ),
    pytest.param(
        {"resources": {"limits": {"nvidia.com/gpu": "0.5"}}},
        [
            f'{C}.resources.limits[nvidia.com/gpu]: Invalid value: "500m": must be an integer',
            f'{C}.resources.requests[nvidia.com/gpu]: Invalid value: "500m": must be an integer',
        ],
        id="half-a-device",
    ),
    pytest.param(
        {"resources": {"limits": {"hugepages-2Mi": "4Mi"}}},
        [f"{C}.resources: Forbidden: HugePages require cpu or memory"],
        id="huge-pages-alone",
    ),
    pytest.param(
        {"resources": {"claims": [{"name": "x"}]}},
        [
            f'{C}.resources.claims[0]: Not found: "x": must be one of the names in pod.spec.resourceClaims which is empty',
        ],
        id="unknown-claim",
    ),
    pytest.param(probe(), [f"{C}.livenessProbe: Required value: must specify a handler type"], id="probe-nothing"),
    pytest.param(
        probe(exec={"command": ["a"]}, tcpSocket={"port": 1}),
        [f"{C}.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"],
        id="probe-two-handlers",
    ),
    pytest.param(probe(exec={}), [f"{C}.livenessProbe.exec.command: Required value"], id="probe-no-command"),
    pytest.param(
        probe(httpGet={"port": 0}),
        [f"{C}.livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive"],
        id="probe-port",
    ),
    pytest.param(
        probe(httpGet={"port": 80, "scheme": "FTP"}),
        [f'{C}.livenessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"'],
        id="probe-scheme",
    ),
    pytest.param(
        probe(tcpSocket={"port": 1}, periodSeconds=-1),
        [f"{C}.livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0"],
        id="probe-negative",
    ),
    pytest.param(
        probe(tcpSocket={"port": 1}, successThreshold=2),
        [f"{C}.livenessProbe.successThreshold: Invalid value: 2: must be 1"],
        id="liveness-success",
    ),
    pytest.param(
        {"readinessProbe": {"tcpSocket": {"port": 1}, "terminationGracePeriodSeconds": 5}},
        [f"{C}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes"],
        id="readiness-grace",
    ),
    pytest.param(
        {"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}},
        [
            f"{C}.lifecycle.preStop.sleep: Invalid value: 31: "
            "must be non-negative and less than terminationGracePeriodSeconds (30)"
        ],
        id="sleep-too-long",
    ),
    pytest.param(
        {"volumeMounts": [{"name": "v", "mountPath": "/a"}]},
        [f'{C}.volumeMounts[0].name: Not found: "v"'],
        id="no-volume",
    ),
    pytest.param(
        {"securityContext": {"runAsUser": -1}},
        [f"{C}.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"],
        id="user",
    ),
    pytest.param(
        {"securityContext": {"procMount": "Unmasked"}},
        [f'{C}.securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`'],
        id="unmasked-proc",
    ),
    pytest.param(
        {"securityContext": {"seccompProfile": {"type": "Localhost"}}},
        [
            f"{C}.securityContext.seccompProfile.localhostProfile: Required value: "
            "must be set when seccomp type is Localhost"
        ],
        id="seccomp-file",
    ),
    pytest.param(
        {"resizePolicy": [{"resourceName": "cpu", "restartPolicy": "No"}]},
        [f'{C}.resizePolicy: Unsupported value: "No": supported values: "NotRequired", "RestartContainer"'],
        id="resize-policy",
    ),
    pytest.param(
        {"restartPolicy": "Never", "restartPolicyRules": [RULE] * 21},
        [f"{C}.restartPolicyRules: Too many: 21: must have at most 20 items"],
        id="many-restart-rules",
    ),
    pytest.param(
        {"restartPolicy": "Never", "restartPolicyRules": [{**RULE, "exitCodes": {"operator": "In", "values": CODES}}]},
        [f"{C}.restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items"],
        id="many-exit-codes",
    ),
]


@pytest.mark.parametrize(("container", "expected"), CONTAINER)
def test_refused_container(container: dict[str, Any], expected: list[str]) -> None:
    assert mistakes(pod_wire(container)) == expected


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
