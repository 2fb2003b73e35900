"""Words that reach deep: what the fields of the API mean, right and wrong, and values that no field wants.

What: `OF_FIELD` has texts for fields by their name, `ABSURD` values for everywhere, `EXPRESSIONS` CEL from plain to unpayable.
Why: a random string ends in the first check; a nearly right one gets to the code behind it. Flow: `values` draws from here.
"""

# ruff: noqa: E501 - a table is a table
from __future__ import annotations

from typing import Any

NAMES = ["seeded", "a", "b", "thing"]
NAMESPACES = ["test", "default", "kube-system"]
BAD_NAMES = [
    "", ".", "..", "A", "a b", "a/b", "-", "a" * 254, "é", "a\0b", "%", "a%2fb", "a.b.c", "a:b", "\u202e", "😀", "null", "status",
]  # fmt: skip
ABSURD: list[Any] = [
    None, True, False, 0, -1, 1, 1.5, -0.0, 2**31, -(2**31) - 1, 2**32, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**40, 1e308, 5e-324,
    "", "x", "A B", "..", "/", "-1", "0", "1Gi", "100%", "-5%", "9" * 400, "²", "\0", "\n", "é", "\ud7ff", "\ud800", "\uffff", "😀" * 50,
    "x" * 5000, "x" * 70000, [], {}, [None], [[]], [{}], {"": ""}, {"a": None}, {"$patch": "delete"}, {"$patch": "replace"},
    {"$retainKeys": ["a"]}, {"$setElementOrder/a": [1]}, {"$deleteFromPrimitiveList/a": [None]}, {"a": {"b": []}}, [1, "1", None, {}, []],
    "2026-01-01T00:00:00Z", "2026-13-41T25:61:61Z", "9999-12-31T23:59:60Z", "0000-00-00T00:00:00Z", "yesterday", "10.96.0.1", "::", "fe80::1%eth0",
    "tcp://x", "a=b,c in (d", "[" * 200, "(" * 200, "{" * 100, {"metadata": {"name": "x"}}, {"key": "a", "operator": "In", "values": []},
]  # fmt: skip
EXPRESSIONS = [
    "true", "false", "1", "self", "object", "self == oldSelf", "object.metadata.name == 'a'", "1/0 == 1", "self.size() > 0", "self.all(a, true)",
    "self.all(a, self.all(b, self.all(c, self.all(d, a == b && c == d))))", "self.items.all(x, self.items.all(y, self.items.all(z, x == y && y == z)))",
    "self.map(a, self.map(b, a + b)).size() > 1", "'a'.matches('(a+)+$')", "self.name.matches(self.pattern)", "object.spec.replicas <= 5",
    "[1,2,3].map(x, x * 2).exists(x, x > 100)", "dyn(1) == dyn('1')", "has(object.spec) && has(object.spec.template)", "quantity('1Gi').isGreaterThan(quantity('1'))",
    "url('http://[::1').getHost() == ''", "cidr('10.0.0.0/8').containsIP(ip('10.1.1.1'))", "duration('1h') > duration('9999999999h')", "timestamp('x') == timestamp('y')",
    "authorizer.group('').resource('pods').check('get').allowed()", "variables.x == 1", "params.data.a == 'b'", "request.userInfo.username.startsWith('x')",
    "oldObject == null || object.spec == oldObject.spec", "9223372036854775807 + 1 > 0", "-9223372036854775808 / -1 == 0", "1u - 2u == 0u", "b'\\xff' == bytes('a')",
    "'" + "a" * 3000 + "' == ''", "(" * 300 + "1" + ")" * 300, "!" * 2000 + "true", "[" * 150 + "]" * 150, "self." + ".".join("a" * 200), "1 +", "'", "\0", "é", "a.b.c()",
    "self.exists_one(x, x == 1)", "type(self) == int", "string(self) == '1'", "self.spec.items.sum() > 0", "sets.contains([1], [2])", "optional.of(1).orValue(2) == 2",
    "self.a.?b.orValue(false)", "object.?spec.?x.hasValue()", "'a,b'.split(',').join('-') == 'a-b'", "'%d %s'.format([1, 'a']) == '1 a'", "'x'.charAt(5) == ''", "x", "self[0]", "self['a']",
]  # fmt: skip
PATTERNS = [
    "^a*$",
    "(a+)+$",
    "[",
    "(?=a)",
    "\\d{1,1000}",
    "(((a{100}){100}){100})",
    "^.*$",
    "\\p{L}+",
    "a" * 3000,
    "(?i)x",
    "\\1(a)",
    "^$",
]
QUANTITIES = [
    "1",
    "100m",
    "1Gi",
    "1e3",
    "-1",
    "0",
    "1.5",
    "1E",
    "1e400",
    "1e-400",
    "999999999999999999999",
    "1Ki1",
    ".5",
    "+1",
    "1n",
    "0.0000000001",
    "1e99999999999",
]
SELECTORS = [
    "a=b",
    "a!=b",
    "a in (b,c)",
    "a notin (b)",
    "a",
    "!a",
    "a in (",
    "a==b",
    "a=b,c",
    "metadata.name=seeded",
    "metadata.namespace!=x",
    "spec.nodeName=",
    "status.phase=Running",
    "x.y=z",
    "a>1",
    "a<x",
    ",",
    "=",
    "a=\\,",
    "a in ()",
    "a" * 300 + "=b",
    "é=b",
]
PATHS = [
    ".spec.replicas",
    ".status.replicas",
    "$.x",
    "{.a}",
    ".a[0]",
    ".a[?(@.b==1)]",
    "..",
    ".",
    "",
    ".spec.x['y']",
    ".a[*]",
    ".metadata.name",
    ".spec[",
    "{{.x}}",
]
IMAGES = ["busybox:1", "a@sha256:" + "0" * 64, "", "A/B:c:d", "localhost:5000/x", "x" * 300, "a@b@c"]
VERSIONS = [
    "v1",
    "apps/v1",
    "fuzz.example.com/v1",
    "fuzz.example.com/v2",
    "",
    "v1/v1/v1",
    "batch/v1",
    "x",
    "meta.k8s.io/v1",
    "autoscaling/v1",
]
KINDS = [
    "Pod",
    "Deployment",
    "Thing",
    "ConfigMap",
    "Scale",
    "DeleteOptions",
    "List",
    "Status",
    "",
    "é",
    "Binding",
    "Eviction",
]
RESOURCES = ["pods", "*", "*/*", "pods/*", "deployments", "things", "pods/status", "", "A", "secrets"]
RESOURCE_VERSIONS = ["", "0", "1", "5", "999999999", "-1", "x", "18446744073709551616", "1.5", " 1"]
TIMES = [
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.123456Z",
    "x",
    "2026-02-30T00:00:00Z",
    "",
    "0001-01-01T00:00:00Z",
    "2026-01-01T00:00:00+25:00",
    "2026-01-01",
]
OF_FIELD: dict[str, list[Any]] = {
    "expression": EXPRESSIONS, "rule": EXPRESSIONS, "messageExpression": ["'x'", "string(self)", *EXPRESSIONS], "valueExpression": EXPRESSIONS, "pattern": PATTERNS,
    "jsonPath": PATHS, "fieldPath": [".spec.x", "metadata.name", "metadata.labels['a']", "spec.nodeName", "metadata.annotations['", *PATHS], "specReplicasPath": PATHS,
    "statusReplicasPath": PATHS, "labelSelectorPath": PATHS, "apiVersion": VERSIONS, "kind": KINDS, "image": IMAGES, "resources": RESOURCES, "resource": RESOURCES,
    "resourceVersion": RESOURCE_VERSIONS, "operator": ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Equal", "", "x"], "effect": ["NoSchedule", "NoExecute", "PreferNoSchedule", "", "x"],
    "protocol": ["TCP", "UDP", "SCTP", "", "tcp"], "restartPolicy": ["Always", "Never", "OnFailure", "x"], "imagePullPolicy": ["Always", "IfNotPresent", "Never", "x"],
    "failurePolicy": ["Fail", "Ignore", "x"], "matchPolicy": ["Exact", "Equivalent", "x"], "sideEffects": ["None", "NoneOnDryRun", "Some", "x"], "scope": ["Namespaced", "Cluster", "*", "x"],
    "operations": ["CREATE", "UPDATE", "DELETE", "CONNECT", "*", "x"], "verbs": ["get", "*", "create", "x"], "propagationPolicy": ["Orphan", "Background", "Foreground", "x"],
    "schedule": ["* * * * *", "@hourly", "61 * * * *", "*/0 * * * *", "TZ=X * * * * *", "1-0 * * * *", "", "0 0 31 2 *"], "timeZone": ["UTC", "Europe/Berlin", "../../etc/passwd", "x", "Local"],
    "concurrencyPolicy": ["Allow", "Forbid", "Replace", "x"], "clusterIP": ["None", "10.96.0.10", "x", "::1", ""], "cidr": ["10.0.0.0/8", "10.0.0.1/33", "x", "::/0"], "podCIDR": ["10.244.0.0/24", "x"],
    "ip": ["10.0.0.1", "127.0.0.1", "x", "::1", "010.0.0.1"], "url": ["https://127.0.0.1:1/x", "http://x", "x", "https://a:b@c/?q#f"], "caBundle": ["eA==", "x"], "host": ["a.example.com", "*.x", "x_y", ""],
    "mode": ["Deny", "Warn", "x"], "phase": ["Running", "Pending", "Failed", "Succeeded", "x"], "reason": ["R", "", "a b"], "strategy": ["None", "Webhook"], "conversionReviewVersions": ["v1", "x"],
    "x-kubernetes-list-type": ["map", "set", "atomic", "x"], "x-kubernetes-map-type": ["granular", "atomic", "x"], "format": ["date-time", "int32", "byte", "uuid", "x"], "$ref": ["#/x", ""],
    "subresource": ["status", "scale", "x"], "fieldsType": ["FieldsV1", "x"], "operation": ["Apply", "Update", "x"], "fieldsV1": [{"f:metadata": {}}, {"x": 1}, {"f:a": {"k:{\"b\":1}": {}}}, {"k:": {}}, {"v:": 1}, []],
    "priorityClassName": ["system-node-critical", "seeded", "x"], "runtimeClassName": ["seeded", "x"], "storageClassName": ["seeded", "", "x"], "serviceAccountName": ["default", "x"], "namespace": [*NAMESPACES, "x", ""],
    "name": [*NAMES, "x.y.z", "system:a", "A", "", "a/b"], "generateName": ["g-", "G", "", "x" * 300], "finalizers": ["kubernetes", "orphan", "foregroundDeletion", "x.y/z", "x", ""], "uid": ["", "x", "00000000-0000-0000-0000-000000000000"],
    "continue": ["", "x", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhXHUwMDAwIn0", "eyJ2IjoxfQ", "e30", "bnVsbA", "AAAA", "{}"], "labelSelector": SELECTORS, "fieldSelector": SELECTORS,
    "timeoutSeconds": ["0", "1", "-1", "x", "99999999999999999999", "1.5"], "limit": ["0", "1", "5", "-1", "x", "9223372036854775807", "9223372036854775808"], "resourceVersionMatch": ["Exact", "NotOlderThan", "x", ""],
    "timeout": ["1s", "0", "-1s", "x", "1h", "1ns", "9999999999999h", "1"], "dryRun": ["All", "All", "All", "", "None", "all"], "fieldManager": ["fuzz", "", "x" * 200, "\0", "a b"], "fieldValidation": ["Strict", "Warn", "Ignore", "x", ""],
    "force": ["true", "false", "x", ""], "watch": ["true", "1", "0", "false", "x", ""], "allowWatchBookmarks": ["true", "x"], "sendInitialEvents": ["true", "false", "x"], "pretty": ["true", "x"], "gracePeriodSeconds": ["0", "1", "-1", "x", "99999999999999999999"],
    "orphanDependents": ["true", "false", "x"], "ignoreStoreReadErrorWithClusterBreakingPotential": ["true", "x"], "path": ["/x", "..", "", "x"], "topologyKey": ["kubernetes.io/hostname", "", "x y"],
    "averageUtilization": [50, 0, -1], "maxUnavailable": [1, "50%", "0", "101%", "-1%", -1, "x"], "maxSurge": [1, "50%", 0, "x"], "minAvailable": [1, "50%", "x"], "targetPort": [80, "http", 0, 70000, "x" * 20], "port": [80, 0, -1, 70000, "http", 443],
    "signerName": ["kubernetes.io/kube-apiserver-client", "x/y", "x", "kubernetes.io/kubelet-serving"], "usages": ["digital signature", "client auth", "x"], "fsType": ["ext4", ""], "accessModes": ["ReadWriteOnce", "x"],
}  # fmt: skip
QUERY_NAMES = sorted({
    "continue", "labelSelector", "fieldSelector", "timeoutSeconds", "limit", "resourceVersion", "resourceVersionMatch", "timeout", "dryRun", "fieldManager", "fieldValidation", "force", "watch",
    "allowWatchBookmarks", "sendInitialEvents", "pretty", "gracePeriodSeconds", "orphanDependents", "propagationPolicy", "ignoreStoreReadErrorWithClusterBreakingPotential",
})  # fmt: skip
TYPES_OF_FIELD_TYPE = [
    "object",
    "string",
    "integer",
    "array",
    "boolean",
    "number",
    "Opaque",
    "ClusterIP",
    "NodePort",
    "ExternalName",
    "RollingUpdate",
    "Recreate",
    "Ready",
    "Utilization",
    "Resource",
    "x",
    "",
]
