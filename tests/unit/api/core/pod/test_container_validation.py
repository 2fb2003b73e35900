"""Mistakes in a pod's containers are told with upstream's paths and words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.objects import LABEL, pod_wire
from tests.unit.api.objects import mistakes_of_pod as mistakes

C = "spec.containers[0]"


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
