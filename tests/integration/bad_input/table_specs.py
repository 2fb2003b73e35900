"""Objects of every kind with a field that is missing, of the wrong type, out of range or in contradiction with another."""

# ruff: noqa: E501 - a case is a line
from __future__ import annotations

from typing import Any

from tests.integration.bad_input.cases import DROP, Case, merged
from tests.integration.bad_input.objects import CONTAINERS, VALID, path_of


def _case(kind: str, id_: str, change: Any, code: int, where: str, text: str) -> Case:
    body = merged(merged(VALID[kind][1], {"metadata": {"name": "fresh"}}), change)
    shown = f"{where}: {text}" if where and code == 422 else text
    return Case(f"{kind}-{id_}", "POST", path_of(kind), code, shown, body, cause=where if code == 422 else "")


def _container(**fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{**CONTAINERS[0], **fields}]}}


def _spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


C0 = "spec.containers[0]"
POD: list[tuple[str, Any, int, str, str]] = [
    ("no-containers", _spec(containers=[]), 422, "spec.containers", "Required value"),
    ("null-containers", _spec(containers=None), 422, "spec.containers", "Required value"),
    ("null-container", _spec(containers=[None]), 422, f"{C0}.name", "Required value"),
    ("containers-object", _spec(containers={}), 400, "", "cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container"),
    ("container-text", _spec(containers=["c"]), 400, "", "cannot unmarshal string into Go struct field PodSpec.spec.containers of type v1.Container"),
    ("container-no-name", _spec(containers=[{"image": "i"}]), 422, f"{C0}.name", "Required value"),
    ("container-no-image", _spec(containers=[{"name": "c"}]), 422, f"{C0}.image", "Required value"),
    ("container-image-space", _container(image=" i"), 422, f"{C0}.image", 'Invalid value: " i": must not have leading or trailing whitespace'),
    ("container-bad-name", _container(name="A_b"), 422, f"{C0}.name", 'Invalid value: "A_b": a lowercase RFC 1123 label must consist of'),
    ("container-long-name", _container(name="a" * 64), 422, f"{C0}.name", "Invalid value: "),
    ("container-twice", _spec(containers=[*CONTAINERS, *CONTAINERS]), 422, "spec.containers[1].name", 'Duplicate value: "c"'),
    ("init-container-same-name", _spec(initContainers=CONTAINERS), 422, "spec.initContainers[0].name", 'Duplicate value: "c"'),
    ("pull-policy", _container(imagePullPolicy="Maybe"), 422, f"{C0}.imagePullPolicy", 'Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"'),
    ("termination-policy", _container(terminationMessagePolicy="x"), 422, f"{C0}.terminationMessagePolicy", "Unsupported value"),
    ("port-zero", _container(ports=[{"containerPort": 0}]), 422, f"{C0}.ports[0].containerPort", "Required value"),
    ("port-large", _container(ports=[{"containerPort": 70000}]), 422, f"{C0}.ports[0].containerPort", "Invalid value: 70000: must be between 1 and 65535, inclusive"),
    ("port-negative", _container(ports=[{"containerPort": -1}]), 422, f"{C0}.ports[0].containerPort", "Invalid value: -1: must be between 1 and 65535, inclusive"),
    ("port-text", _container(ports=[{"containerPort": "80"}]), 400, "", "cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32"),
    ("port-float", _container(ports=[{"containerPort": 80.5}]), 400, "", "number 80.5"),
    ("port-over-32-bits", _container(ports=[{"containerPort": 2**40}]), 400, "", f"cannot unmarshal number {2**40} into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32"),
    ("port-protocol", _container(ports=[{"containerPort": 80, "protocol": "ICMP"}]), 422, f"{C0}.ports[0].protocol", 'Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'),
    ("port-name", _container(ports=[{"containerPort": 80, "name": "Bad_Name"}]), 422, f"{C0}.ports[0].name", "Invalid value"),
    ("port-name-twice", _container(ports=[{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}]), 422, f"{C0}.ports[1].name", 'Duplicate value: "a"'),
    ("host-port-twice", _container(ports=[{"containerPort": 80, "hostPort": 9}, {"containerPort": 81, "hostPort": 9}]), 422, f"{C0}.ports[1].hostPort", "Duplicate value: "),
    ("host-ip", _container(ports=[{"containerPort": 80, "hostIP": "x"}]), 422, f"{C0}.ports[0].hostIP", "Invalid value"),
    ("env-no-name", _container(env=[{"value": "x"}]), 422, f"{C0}.env[0].name", "Required value"),
    ("env-bad-name", _container(env=[{"name": "a=b"}]), 422, f"{C0}.env[0].name", "Invalid value"),
    ("env-value-number", _container(env=[{"name": "A", "value": 1}]), 400, "", "cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string"),
    ("env-value-bool", _container(env=[{"name": "A", "value": True}]), 400, "", "cannot unmarshal bool into Go struct field EnvVar.spec.containers.env.value of type string"),
    ("env-both", _container(env=[{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]), 422, f"{C0}.env[0].valueFrom", 'Invalid value: "": may not be specified when `value` is not empty'),
    ("env-field-path", _container(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nothing"}}}]), 422, f"{C0}.env[0].valueFrom.fieldRef.fieldPath", 'Invalid value: "spec.nothing"'),
    ("cpu-text", _container(resources={"limits": {"cpu": "lots"}}), 400, "", "quantities must match the regular expression"),
    ("cpu-negative", _container(resources={"limits": {"cpu": "-1"}}), 422, f"{C0}.resources.limits[cpu]", 'Invalid value: "-1": must be greater than or equal to 0'),
    ("cpu-object", _container(resources={"limits": {"cpu": {}}}), 400, "", ""),
    ("request-over-limit", _container(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}), 422, f"{C0}.resources.requests", 'Invalid value: "2": must be less than or equal to cpu limit of 1'),
    ("resource-name", _container(resources={"limits": {"no spaces": "1"}}), 422, f"{C0}.resources.limits[no spaces]", "Invalid value"),
    ("mount-absent-volume", _container(volumeMounts=[{"name": "v", "mountPath": "/v"}]), 422, f"{C0}.volumeMounts[0].name", 'Not found: "v"'),
    ("mount-no-path", {"spec": {"volumes": [{"name": "v", "emptyDir": {}}], "containers": [{**CONTAINERS[0], "volumeMounts": [{"name": "v"}]}]}}, 422, f"{C0}.volumeMounts[0].mountPath", "Required value"),
    ("volume-twice", _spec(volumes=[{"name": "v", "emptyDir": {}}] * 2), 422, "spec.volumes[1].name", 'Duplicate value: "v"'),
    ("volume-two-sources", _spec(volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]), 422, "spec.volumes[0].hostPath", "Forbidden: may not specify more than 1 volume type"),
    ("volume-no-source", _spec(volumes=[{"name": "v", "hostPath": {}}]), 422, "spec.volumes[0].hostPath.path", "Required value"),
    ("probe-two-handlers", _container(livenessProbe={"exec": {"command": ["x"]}, "tcpSocket": {"port": 80}}), 422, f"{C0}.livenessProbe.tcpSocket", "Forbidden: may not specify more than 1 handler type"),
    ("probe-no-handler", _container(livenessProbe={}), 422, f"{C0}.livenessProbe", "Required value: must specify a handler type"),
    ("probe-negative", _container(livenessProbe={"exec": {"command": ["x"]}, "periodSeconds": -1}), 422, f"{C0}.livenessProbe.periodSeconds", "Invalid value: -1: must be greater than or equal to 0"),
    ("probe-port", _container(readinessProbe={"httpGet": {"port": 99999}}), 422, f"{C0}.readinessProbe.httpGet.port", "Invalid value: 99999: must be between 1 and 65535, inclusive"),
    ("probe-scheme", _container(readinessProbe={"httpGet": {"port": 80, "scheme": "ftp"}}), 422, f"{C0}.readinessProbe.httpGet.scheme", 'Unsupported value: "ftp"'),
    ("restart-policy", _spec(restartPolicy="Perhaps"), 422, "spec.restartPolicy", 'Unsupported value: "Perhaps": supported values: "Always", "OnFailure", "Never"'),
    ("dns-policy", _spec(dnsPolicy="x"), 422, "spec.dnsPolicy", "Unsupported value"),
    ("grace-negative", _spec(terminationGracePeriodSeconds="x"), 400, "", "cannot unmarshal string into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64"),
    ("deadline-zero", _spec(activeDeadlineSeconds=0), 422, "spec.activeDeadlineSeconds", "Invalid value: 0: must be between 1 and 2147483647, inclusive"),
    ("node-selector-list", _spec(nodeSelector=["a"]), 400, "", "cannot unmarshal array into Go struct field PodSpec.spec.nodeSelector of type map[string]string"),
    ("host-network-text", _spec(hostNetwork="yes"), 400, "", "cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool"),
    ("host-name", _spec(hostname="A_b"), 422, "spec.hostname", "Invalid value"),
    ("service-account", _spec(serviceAccountName="A B"), 422, "spec.serviceAccountName", "Invalid value"),
    ("toleration-operator", _spec(tolerations=[{"key": "a", "operator": "Near"}]), 422, "spec.tolerations[0].operator", "Unsupported value"),
    ("priority-class-absent", _spec(priorityClassName="absent"), 403, "", "no PriorityClass with name absent was found"),
    ("spec-text", {"spec": "x"}, 400, "", "cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec"),
    ("deep-affinity-text", _spec(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": "x"}}), 400, "", "of type v1.NodeSelector"),
    ("security-negative-user", _spec(securityContext={"runAsUser": -1}), 422, "spec.securityContext.runAsUser", "Invalid value: -1: must be between 0 and 2147483647, inclusive"),
]  # fmt: skip

SERVICE: list[tuple[str, Any, int, str, str]] = [
    ("no-ports", _spec(ports=[]), 422, "spec.ports", "Required value"),
    ("port-zero", _spec(ports=[{"port": 0}]), 422, "spec.ports[0].port", "Invalid value: 0: must be between 1 and 65535, inclusive"),
    ("port-large", _spec(ports=[{"port": 65536}]), 422, "spec.ports[0].port", "Invalid value: 65536: must be between 1 and 65535, inclusive"),
    ("port-twice", _spec(ports=[{"name": "a", "port": 80}, {"name": "b", "port": 80}]), 422, "spec.ports[1]", "Duplicate value: "),
    ("port-name-twice", _spec(ports=[{"name": "a", "port": 80}, {"name": "a", "port": 81}]), 422, "spec.ports[1].name", 'Duplicate value: "a"'),
    ("ports-without-names", _spec(ports=[{"port": 80}, {"port": 81}]), 422, "spec.ports[0].name", "Required value"),
    ("target-port", _spec(ports=[{"port": 80, "targetPort": 70000}]), 422, "spec.ports[0].targetPort", "Invalid value: 70000"),
    ("target-port-name", _spec(ports=[{"port": 80, "targetPort": "Bad Name"}]), 422, "spec.ports[0].targetPort", "Invalid value"),
    ("protocol", _spec(ports=[{"port": 80, "protocol": "x"}]), 422, "spec.ports[0].protocol", "Unsupported value"),
    ("type", _spec(type="Magic"), 422, "spec.type", 'Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'),
    ("affinity", _spec(sessionAffinity="x"), 422, "spec.sessionAffinity", 'Unsupported value: "x": supported values: "ClientIP", "None"'),
    ("node-port-outside", _spec(type="NodePort", ports=[{"port": 80, "nodePort": 80}]), 422, "spec.ports[0].nodePort", "Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767"),
    ("node-port-of-cluster-ip", _spec(ports=[{"port": 80, "nodePort": 30080}]), 422, "spec.ports[0].nodePort", "Forbidden: may not be used when `type` is 'ClusterIP'"),
    ("cluster-ip-text", _spec(clusterIP="x"), 422, "spec.clusterIPs[0]", 'Invalid value: "x": must be a valid IP address'),
    ("cluster-ip-outside", _spec(clusterIP="192.168.1.1"), 422, "spec.clusterIPs", "Invalid value: "),
    ("external-name-none", _spec(type="ExternalName"), 422, "spec.externalName", "Required value"),
    ("external-ip", _spec(externalIPs=["x"]), 422, "spec.externalIPs[0]", "Invalid value"),
    ("selector-list", _spec(selector=["a"]), 400, "", "of type map[string]string"),
    ("name-long", {"metadata": {"name": "a" * 64}}, 422, "metadata.name", "Invalid value"),
    ("name-digit", {"metadata": {"name": "Upper"}}, 422, "metadata.name", "Invalid value"),
]  # fmt: skip


def _workload(kind: str) -> list[tuple[str, Any, int, str, str]]:
    strict = kind != "ReplicationController"
    mismatch = {"template": {"metadata": {"labels": {"app": "other"}}}}
    rows: list[tuple[str, Any, int, str, str]] = [
        ("mismatch", {"spec": mismatch}, 422, "spec.template.metadata.labels", 'Invalid value: {"app":"other"}: `selector` does not match template `labels`'),
        ("replicas-negative", _spec(replicas=-1), 422, "spec.replicas", "Invalid value: -1: must be greater than or equal to 0"),
        ("replicas-text", _spec(replicas="two"), 400, "", "Spec.spec.replicas of type int32"),
        ("replicas-float", _spec(replicas=1.5), 400, "", f"cannot unmarshal number 1.5 into Go struct field {kind}Spec.spec.replicas of type int32"),
        ("replicas-large", _spec(replicas=2**31), 400, "", f"cannot unmarshal number 2147483648 into Go struct field {kind}Spec.spec.replicas of type int32"),
        ("replicas-list", _spec(replicas=[1]), 400, "", "cannot unmarshal array"),
        ("min-ready-negative", _spec(minReadySeconds=-1), 422, "spec.minReadySeconds", "Invalid value: -1: must be greater than or equal to 0"),
        ("no-template", _spec(template=DROP), 422, "spec.template" if not strict else "", "" if strict else "Required value"),
        ("template-container", {"spec": {"template": {"spec": {"containers": [{"name": "c"}]}}}}, 422, "spec.template.spec.containers[0].image", "Required value"),
        ("template-restart", {"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}, 422, "spec.template.spec.restartPolicy", 'Unsupported value: "Never": supported values: "Always"'),
        ("template-label", {"spec": {"template": {"metadata": {"labels": {"app": "a", "x": "no spaces"}}}}}, 422, "", "no spaces"),
    ]  # fmt: skip
    if strict:
        rows += [
            ("no-selector", _spec(selector=DROP), 422, "spec.selector", "Required value"),
            ("empty-selector", _spec(selector={"matchLabels": DROP}), 422, "spec.selector", "Invalid value: {}: empty selector is invalid for deployment"),
            ("selector-operator", _spec(selector={"matchExpressions": [{"key": "app", "operator": "Near"}]}), 422, "spec.selector.matchExpressions[0].operator", 'Invalid value: "Near": not a valid selector operator'),
            ("selector-values", _spec(selector={"matchExpressions": [{"key": "app", "operator": "In"}]}), 422, "spec.selector.matchExpressions[0].values", "Required value: must be specified when `operator` is 'In' or 'NotIn'"),
            ("selector-text", _spec(selector="app=a"), 400, "", "of type v1.LabelSelector"),
        ]  # fmt: skip
    return rows


DEPLOYMENT: list[tuple[str, Any, int, str, str]] = [
    ("strategy", _spec(strategy={"type": "Magic"}), 422, "spec.strategy.type", 'Unsupported value: "Magic": supported values: "Recreate", "RollingUpdate"'),
    ("recreate-with-numbers", _spec(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}), 422, "spec.strategy.rollingUpdate", "Forbidden: may not be specified when strategy `type` is 'Recreate'"),
    ("surge-negative", _spec(strategy={"rollingUpdate": {"maxSurge": -1}}), 422, "spec.strategy.rollingUpdate.maxSurge", "Invalid value: -1"),
    ("surge-text", _spec(strategy={"rollingUpdate": {"maxSurge": "x"}}), 422, "spec.strategy.rollingUpdate.maxSurge", 'Invalid value: "x": a valid percent string must be'),
    ("both-zero", _spec(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}), 422, "spec.strategy.rollingUpdate.maxUnavailable", "Invalid value: 0: may not be 0 when `maxSurge` is 0"),
    ("unavailable-over-100", _spec(strategy={"rollingUpdate": {"maxUnavailable": "101%"}}), 422, "spec.strategy.rollingUpdate.maxUnavailable", 'Invalid value: "101%": must not be greater than 100%'),
    ("history-negative", _spec(revisionHistoryLimit=-1), 422, "spec.revisionHistoryLimit", "Invalid value: -1: must be greater than or equal to 0"),
    ("deadline-below-min-ready", _spec(minReadySeconds=10, progressDeadlineSeconds=5), 422, "spec.progressDeadlineSeconds", "Invalid value: 5: must be greater than minReadySeconds"),
    ("paused-text", _spec(paused="yes"), 400, "", "cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool"),
]  # fmt: skip

OTHERS: dict[str, list[tuple[str, Any, int, str, str]]] = {
    "ConfigMap": [
        ("bad-key", {"data": {"a b": "x"}}, 422, "data[a b]", 'Invalid value: "a b": a valid config key must consist of'),
        ("dot-key", {"data": {"..": "x"}}, 422, "data[..]", "Invalid value"),
        ("long-key", {"data": {"a" * 254: "x"}}, 422, f"data[{'a' * 254}]", "Invalid value"),
        ("key-in-both", {"data": {"k": "v"}, "binaryData": {"k": "dg=="}}, 422, "data[k]", "Invalid value"),
    ],
    "Secret": [
        ("bad-key", {"data": {"a b": "eA=="}}, 422, "data[a b]", "Invalid value"),
        ("no-base64", {"data": {"k": "***"}}, 400, "", "illegal base64 data"),
        ("tls-without-key", {"type": "kubernetes.io/tls", "data": {}}, 422, "data[tls.crt]", "Required value"),
        ("docker-config-missing", {"type": "kubernetes.io/dockerconfigjson"}, 422, "data[.dockerconfigjson]", "Required value"),
        ("docker-config-no-json", {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "e3s="}}, 422, "data[.dockerconfigjson]", "Invalid value"),
        ("account-token-nobody", {"type": "kubernetes.io/service-account-token"}, 422, "metadata.annotations[kubernetes.io/service-account.name]", "Required value"),
        ("ssh-without-key", {"type": "kubernetes.io/ssh-auth"}, 422, "data[ssh-privatekey]", "Required value"),
    ],
    "ServiceAccount": [("secrets-text", {"secrets": "x"}, 400, "", "of type []v1.ObjectReference")],
    "Namespace": [
        ("name-dots", {"metadata": {"name": "a.b"}}, 422, "metadata.name", 'Invalid value: "a.b": must not contain dots'),
        ("name-long", {"metadata": {"name": "a" * 64}}, 422, "metadata.name", "Invalid value"),
        ("finalizer", {"spec": {"finalizers": ["x y"]}}, 422, "spec.finalizers[0]", "Invalid value"),
    ],
    "Node": [
        ("taint-effect", {"spec": {"taints": [{"key": "a", "effect": "Magic"}]}}, 422, "spec.taints[0].effect", "Unsupported value"),
        ("taint-twice", {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}] * 2}}, 422, "spec.taints[1]", "Duplicate value"),
        ("pod-cidr", {"spec": {"podCIDR": "x", "podCIDRs": ["x"]}}, 422, "", "Invalid value"),
        ("capacity-text", {"status": {"capacity": {"cpu": "lots"}}}, 422, "status.capacity[cpu]", 'Invalid value: "lots": quantities must match the regular expression'),
    ],
    "Endpoints": [
        ("ip-text", {"subsets": [{"addresses": [{"ip": "x"}], "ports": [{"port": 80}]}]}, 422, "subsets[0].addresses[0].ip", "Invalid value"),
        ("ip-loopback", {"subsets": [{"addresses": [{"ip": "127.0.0.1"}], "ports": [{"port": 80}]}]}, 422, "subsets[0].addresses[0].ip", 'Invalid value: "127.0.0.1": may not be in the loopback range'),
        ("no-addresses", {"subsets": [{"ports": [{"port": 80}]}]}, 422, "subsets[0]", "Required value"),
        ("port-large", {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 70000}]}]}, 422, "subsets[0].ports[0].port", "Invalid value: 70000"),
    ],
    "EndpointSlice": [
        ("address-type", {"addressType": "Magic"}, 422, "addressType", "Unsupported value"),
        ("no-address-type", {"addressType": DROP}, 422, "addressType", "Required value"),
        ("no-addresses", {"endpoints": [{}]}, 422, "endpoints[0].addresses", "Required value"),
        ("ip-text", {"endpoints": [{"addresses": ["x"]}]}, 422, "endpoints[0].addresses[0]", "Invalid value"),
        ("ip-twice-many", {"endpoints": [{"addresses": ["10.0.0.1"]}] * 1001}, 422, "endpoints", "Too many: 1001: must have at most 1000 items"),
        ("port-name-twice", {"ports": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]}, 422, "ports[1].name", "Duplicate value"),
        ("port-protocol", {"ports": [{"name": "a", "port": 1, "protocol": "x"}]}, 422, "ports[0].protocol", "Unsupported value"),
    ],
    "Lease": [
        ("duration-zero", {"spec": {"leaseDurationSeconds": 0}}, 422, "spec.leaseDurationSeconds", "Invalid value: 0: must be greater than 0"),
        ("duration-text", {"spec": {"leaseDurationSeconds": "1"}}, 400, "", "of type int32"),
        ("transitions-negative", {"spec": {"leaseTransitions": -1}}, 422, "spec.leaseTransitions", "Invalid value: -1: must be greater than or equal to 0"),
    ],
    "Role": [
        ("no-verbs", {"rules": [{"apiGroups": [""], "resources": ["pods"]}]}, 422, "rules[0].verbs", "Required value: verbs must contain at least one value"),
        ("no-groups", {"rules": [{"resources": ["pods"], "verbs": ["get"]}]}, 422, "rules[0].apiGroups", "Required value: resource rules must supply at least one api group"),
        ("no-resources", {"rules": [{"apiGroups": [""], "verbs": ["get"]}]}, 422, "rules[0].resources", "Required value: resource rules must supply at least one resource"),
        ("urls-in-namespace", {"rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}]}, 422, "rules[0].nonResourceURLs", "Invalid value: "),
        ("rules-object", {"rules": {}}, 400, "", "of type []v1.PolicyRule"),
    ],
    "ClusterRole": [
        ("no-verbs", {"rules": [{"nonResourceURLs": ["/x"]}]}, 422, "rules[0].verbs", "Required value"),
        ("urls-and-resources", {"rules": [{"nonResourceURLs": ["/x"], "resources": ["pods"], "apiGroups": [""], "verbs": ["get"]}]}, 422, "rules[0].nonResourceURLs", "Invalid value: "),
    ],
    "RoleBinding": [
        ("no-role", {"roleRef": {"name": ""}}, 422, "roleRef.name", "Required value"),
        ("role-kind", {"roleRef": {"kind": "User"}}, 422, "roleRef.kind", 'Unsupported value: "User": supported values: "Role", "ClusterRole"'),
        ("role-group", {"roleRef": {"apiGroup": "x"}}, 422, "roleRef.apiGroup", "Unsupported value"),
        ("subject-kind", {"subjects": [{"kind": "Magic", "name": "u"}]}, 422, "subjects[0].kind", "Unsupported value"),
        ("subject-no-name", {"subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io"}]}, 422, "subjects[0].name", "Required value"),
    ],
    "ClusterRoleBinding": [
        ("role-kind", {"roleRef": {"kind": "Role"}}, 422, "roleRef.kind", 'Unsupported value: "Role": supported values: "ClusterRole"'),
        ("account-no-namespace", {"subjects": [{"kind": "ServiceAccount", "name": "a"}]}, 422, "subjects[0].namespace", "Required value"),
    ],
    "PriorityClass": [
        ("value-large", {"value": 1_000_000_001}, 422, "value", "Forbidden: maximum allowed value of a user defined priority is 1000000000"),
        ("system-name", {"metadata": {"name": "system-mine"}}, 422, "metadata.name", "Forbidden: priority class names with 'system-' prefix are reserved for system use only"),
        ("preemption", {"preemptionPolicy": "x"}, 422, "preemptionPolicy", "Unsupported value"),
        ("value-text", {"value": "high"}, 400, "", "of type int32"),
    ],
    "ControllerRevision": [
        ("revision-negative", {"revision": -1}, 422, "revision", "Invalid value: -1: must be greater than or equal to 0"),
        ("no-data", {"data": DROP}, 422, "data", "Required value: data is mandatory"),
    ],
    "Event": [("other-namespace", {"involvedObject": {"namespace": "other"}}, 422, "involvedObject.namespace", 'Invalid value: "other": does not match event.namespace')],
    "NewEvent": [
        ("no-action", {"action": DROP}, 422, "action", "Required value"),
        ("no-controller", {"reportingController": DROP}, 422, "reportingController", "Required value"),
        ("no-reason", {"reason": DROP}, 422, "reason", "Required value"),
    ],
    "PodTemplate": [("container", {"template": {"spec": {"containers": []}}}, 422, "template.spec.containers", "Required value")],
}  # fmt: skip

TABLES = {**OTHERS, "Pod": POD, "Service": SERVICE}
CASES = [
    *(_case(kind, *row) for kind, rows in TABLES.items() for row in rows),
    *(_case(kind, *row) for kind in ("Deployment", "ReplicaSet", "ReplicationController") for row in _workload(kind)),
    *(_case("Deployment", *row) for row in DEPLOYMENT),
]
