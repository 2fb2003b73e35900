"""Patches, updates of what cannot change, and subresources that are asked for nonsense."""

# ruff: noqa: E501 - a case is a line
from __future__ import annotations

from typing import Any

from tests.integration.bad_input.cases import JSON, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, YAML, Case, merged
from tests.integration.bad_input.objects import VALID, one, path_of

MAP, POD, DEPLOYMENT, SERVICE = one("ConfigMap"), one("Pod"), one("Deployment"), one("Service")
REJECTED = "the server rejected our request due to an error in our request"


def _patch(id_: str, media: str, patch: Any, code: int, text: str = "", path: str = MAP, **more: Any) -> Case:
    return Case(f"patch-{id_}", "PATCH", path, code, text, patch, headers={"content-type": media}, **more)


def _json(id_: str, patch: Any, code: int, text: str = "", path: str = MAP) -> Case:
    return _patch(f"json-{id_}", JSON_PATCH, patch, code, text, path)


def _merge(id_: str, patch: Any, code: int, text: str = "", path: str = MAP, **more: Any) -> Case:
    return _patch(f"merge-{id_}", MERGE_PATCH, patch, code, text, path, **more)


def _strategic(id_: str, patch: Any, code: int, text: str = "", path: str = MAP) -> Case:
    return _patch(f"strategic-{id_}", STRATEGIC_PATCH, patch, code, text, path)


JSON_PATCHES = [
    _json("empty", b"", 400, "error decoding patch: "),
    _json("no-json", b"[{", 400, "error decoding patch: "),
    _json("binary", bytes(range(256)), 400, "error decoding patch: "),
    _json("object", {"op": "add"}, 400, "error decoding patch: json: cannot unmarshal object into Go value of type"),
    _json("string", b'"x"', 400, "error decoding patch: json: cannot unmarshal string into Go value of type"),
    _json("number-operation", [5], 400, "cannot unmarshal"),
    _json("null-operation", [None], 400),
    _json("unknown-operation", [{"op": "fly", "path": "/data"}], 422, REJECTED),
    _json("no-operation", [{"path": "/data"}], 422, REJECTED),
    _json("operation-number", [{"op": 5, "path": "/data"}], 422, REJECTED),
    _json("no-path", [{"op": "remove"}], 422, REJECTED),
    _json("path-number", [{"op": "remove", "path": 5}], 422, REJECTED),
    _json("path-without-slash", [{"op": "remove", "path": "data"}], 422, REJECTED),
    _json("path-absent", [{"op": "replace", "path": "/no/such", "value": 1}], 422, REJECTED),
    _json("remove-absent", [{"op": "remove", "path": "/data/nothing"}], 422, REJECTED),
    _json("test-failure", [{"op": "test", "path": "/data/k", "value": "other"}], 422, REJECTED),
    _json("test-type", [{"op": "test", "path": "/data/k", "value": 5}], 422, REJECTED),
    _json("test-absent", [{"op": "test", "path": "/data/nothing", "value": "x"}], 422, REJECTED),
    _json("index-text", [{"op": "add", "path": "/spec/containers/x", "value": {}}], 422, REJECTED, POD),
    _json("index-beyond", [{"op": "add", "path": "/spec/containers/7", "value": {}}], 422, REJECTED, POD),
    _json("index-huge", [{"op": "remove", "path": "/spec/containers/" + "9" * 40}], 422, REJECTED, POD),
    _json("index-superscript", [{"op": "remove", "path": "/spec/containers/²"}], 422, REJECTED, POD),
    _json("copy-without-from", [{"op": "copy", "path": "/data/x"}], 422, REJECTED),
    _json("move-into-itself", [{"op": "move", "from": "/data", "path": "/data/x"}], 422, REJECTED),
    _json("into-a-string", [{"op": "add", "path": "/data/k/deeper", "value": 1}], 422, REJECTED),
    _json("remove-everything", [{"op": "remove", "path": ""}], 422, ""),
    _json("replace-everything", [{"op": "replace", "path": "", "value": 5}], 400, ""),
    _json("data-number", [{"op": "add", "path": "/data/k", "value": 5}], 422, "patch: Invalid value: "),
    _json("data-list", [{"op": "replace", "path": "/data", "value": [1]}], 422, "cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string"),
    _json("too-many", [{"op": "test", "path": "/data/k", "value": "v"}] * 10_001, 413, "The allowed maximum operations in a JSON patch is 10000, got 10001"),
    _json("doubling", [{"op": "add", "path": "/data/a", "value": {}}] + [{"op": "copy", "from": "/data", "path": "/data/a/b"}] * 40, 422, ""),
    _json("deep-value", b'[{"op":"add","path":"/data/a","value":' + b"[" * 20000 + b"]" * 20000 + b"}]", 400, "error decoding patch: "),
]  # fmt: skip

MERGE_PATCHES = [
    _merge("empty", b"", 400, "error decoding patch: "),
    _merge("no-json", b"{", 400, "error decoding patch: "),
    _merge("list", [], 400, "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"),
    _merge("string", b'"x"', 400, "error decoding patch: "),
    _merge("data-text", {"data": "text"}, 422, 'cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string'),
    _merge("data-number-value", {"data": {"k": 5}}, 422, "patch: Invalid value: "),
    _merge("metadata-text", {"metadata": "x"}, 422, "patch: Invalid value: "),
    _merge("metadata-null", {"metadata": None}, 400, "name"),
    _merge("labels-number", {"metadata": {"labels": {"a": 5}}}, 422, "of type string"),
    _merge("name", {"metadata": {"name": "other"}}, 400, "the name of the object (other) does not match the name on the URL (seeded)"),
    _merge("namespace", {"metadata": {"namespace": "other"}}, 400, "the namespace of the object (other) does not match the namespace on the request (test)"),
    _merge("uid", {"metadata": {"uid": "other"}}, 422, 'metadata.uid: Invalid value: "other": field is immutable'),
    _merge("stale", {"metadata": {"resourceVersion": "1"}}, 409, "the object has been modified"),
    _merge("revision-number", {"metadata": {"resourceVersion": 5}}, 422, "patch: Invalid value: "),
    _merge("revision-text", {"metadata": {"resourceVersion": "x"}}, 422, 'metadata.resourceVersion: Invalid value: "x"'),
    _merge("bad-label", {"metadata": {"labels": {"a": "no spaces"}}}, 422, 'ConfigMap "seeded" is invalid: metadata.labels: Invalid value: "no spaces"'),
    _merge("bad-finalizer", {"metadata": {"finalizers": ["x y"]}}, 422, "metadata.finalizers"),
    _merge("unknown-strict", {"dta": {}}, 422, 'strict decoding error: unknown field "dta"', query={"fieldValidation": "Strict"}),
    _merge("creation-time", {"metadata": {"creationTimestamp": "2001-01-01T00:00:00Z"}}, 422, "metadata.creationTimestamp: Invalid value: \"2001-01-01T00:00:00Z\": field is immutable"),
    Case("patch-merge-accept", "PATCH", MAP, 406, "only the following media types", {}, headers={"content-type": MERGE_PATCH, "accept": "text/html"}),
    _merge("replicas-negative", {"spec": {"replicas": -1}}, 422, "spec.replicas: Invalid value: -1: must be greater than or equal to 0", DEPLOYMENT),
    _merge("replicas-text", {"spec": {"replicas": "two"}}, 422, "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32", DEPLOYMENT),
    _merge("selector", {"spec": {"selector": {"matchLabels": {"b": "c"}}}}, 422, "spec.selector: Invalid value", DEPLOYMENT),
    _merge("pod-image-empty", {"spec": {"containers": None}}, 422, "spec.containers", POD),
    _merge("pod-node", {"spec": {"nodeName": "other"}}, 422, "spec: Forbidden: pod updates may not change fields other than", POD),
]  # fmt: skip

STRATEGIC_PATCHES = [
    _strategic("empty", b"", 400),
    _strategic("list", [], 400),
    _strategic("data-number", {"data": 5}, 422),
    _strategic("metadata-list", {"metadata": []}, 422),
    _strategic("containers-object", {"spec": {"containers": {"name": "c"}}}, 422, "", POD),
    _strategic("containers-string", {"spec": {"containers": "c"}}, 422, "", POD),
    _strategic("containers-without-key", {"spec": {"containers": [{"image": "i"}]}}, 400, "", POD),
    _strategic("containers-numbers", {"spec": {"containers": [1]}}, 400, "", POD),
    _strategic("directive-unknown", {"spec": {"containers": [{"name": "c", "$patch": "fly"}]}}, 400, "", POD),
    _strategic("delete-without-key", {"spec": {"containers": [{"$patch": "delete"}]}}, 400, "", POD),
    _strategic("delete-all-containers", {"spec": {"containers": [{"name": "c", "$patch": "delete"}]}}, 422, "spec.containers: Required value", POD),
    _strategic("order-wrong", {"spec": {"$setElementOrder/containers": "c"}}, 400, "", POD),
    _strategic("primitive-delete-wrong", {"metadata": {"$deleteFromPrimitiveList/finalizers": 5}}, 400, "", POD),
    _strategic("retain-keys-wrong", {"spec": {"strategy": {"$retainKeys": 5}}}, 400, "", DEPLOYMENT),
    _strategic("replace-with-text", {"$patch": "replace", "metadata": "x"}, 422),
    _strategic("patch-number", {"$patch": 5}, 400),
]  # fmt: skip

PATCH_MEDIA = [
    _patch(f"media-{id_}", media, {}, 415, "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json")
    for id_, media in (("json", JSON), ("yaml", YAML), ("text", "text/plain"), ("form", "application/x-www-form-urlencoded"), ("garbage", ";;"))
]  # fmt: skip


def _put(id_: str, kind: str, change: Any, code: int, text: str, sub: str = "") -> Case:
    return Case(f"put-{id_}", "PUT", one(kind) + sub, code, text, merged(VALID[kind][1], change))


UPDATES = [
    _put("pod-image-name-gone", "Pod", {"spec": {"containers": [{"name": "other", "image": "busybox:1"}]}}, 422, "spec: Forbidden: pod updates may not change fields other than"),
    _put("pod-more-containers", "Pod", {"spec": {"containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "i"}]}}, 422, "spec.containers: Forbidden: pod updates may not add or remove containers"),
    _put("pod-restart-policy", "Pod", {"spec": {"restartPolicy": "Never"}}, 422, "spec: Forbidden: pod updates may not change fields other than"),
    _put("deployment-selector", "Deployment", {"spec": {"selector": {"matchLabels": {"app": "b"}}, "template": {"metadata": {"labels": {"app": "b"}}}}}, 422, "spec.selector: Invalid value: "),
    _put("replica-set-selector", "ReplicaSet", {"spec": {"selector": {"matchLabels": {"app": "b"}}, "template": {"metadata": {"labels": {"app": "b"}}}}}, 422, "field is immutable"),
    _put("service-cluster-ip", "Service", {"spec": {"clusterIP": "10.96.77.77", "clusterIPs": ["10.96.77.77"]}}, 422, "spec.clusterIPs[0]: Invalid value"),
    _put("secret-type", "Secret", {"type": "other"}, 422, 'type: Invalid value: "other": field is immutable'),
    _put("role-binding-role", "RoleBinding", {"roleRef": {"name": "edit"}}, 422, "roleRef: Invalid value: "),
    _put("cluster-role-binding-role", "ClusterRoleBinding", {"roleRef": {"name": "edit"}}, 422, "cannot change roleRef"),
    _put("priority-class-value", "PriorityClass", {"value": 5}, 422, "value: Forbidden: may not be changed in an update."),
    _put("controller-revision-data", "ControllerRevision", {"data": {"a": 2}}, 422, "data: Invalid value: "),
    _put("endpoint-slice-address-type", "EndpointSlice", {"addressType": "IPv6", "endpoints": []}, 422, 'addressType: Invalid value: "IPv6": field is immutable'),
    _put("node-pod-cidr", "Node", {"spec": {"podCIDR": "10.244.9.0/24", "podCIDRs": ["10.244.9.0/24"]}}, 422, "spec"),
    _put("status-other-name", "Pod", {"metadata": {"name": "other"}}, 400, "does not match the name on the URL", "/status"),
    _put("status-stale", "Pod", {"metadata": {"resourceVersion": "1"}}, 409, "the object has been modified", "/status"),
    _put("status-negative", "Deployment", {"status": {"replicas": -1}}, 422, "status.replicas: Invalid value: -1: must be greater than or equal to 0", "/status"),
    _put("status-text", "Deployment", {"status": {"replicas": "x"}}, 400, "of type int32", "/status"),
    _put("status-other-kind", "Deployment", {"kind": "ReplicaSet"}, 400, "cannot be handled as a Deployment", "/status"),
    _put("status-replica-set-fully", "ReplicaSet", {"status": {"replicas": 1, "fullyLabeledReplicas": 2}}, 422, "status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas", "/status"),
]  # fmt: skip


def _scale(id_: str, body: Any, code: int, text: str, kind: str = "Deployment", method: str = "PUT") -> Case:
    headers = {"content-type": MERGE_PATCH} if method == "PATCH" else {}
    return Case(f"scale-{id_}", method, f"{one(kind)}/scale", code, text, body, headers=headers)


SCALE = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "seeded", "namespace": "test"}}
SCALES = [
    *(_scale(f"negative-{kind}", {**SCALE, "spec": {"replicas": -1}}, 422, 'Scale.autoscaling "seeded" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0', kind)
      for kind in ("Deployment", "ReplicaSet", "ReplicationController")),
    _scale("text", {**SCALE, "spec": {"replicas": "x"}}, 400, "of type int32"),
    _scale("large", {**SCALE, "spec": {"replicas": 2**31}}, 400, "cannot unmarshal number 2147483648 into Go struct field ScaleSpec.spec.replicas of type int32"),
    _scale("float", {**SCALE, "spec": {"replicas": 1.5}}, 400, "number 1.5"),
    _scale("other-kind", {**SCALE, "kind": "Deployment"}, 400, "cannot be handled as a Scale"),
    _scale("other-name", merged(SCALE, {"metadata": {"name": "x"}}), 400, "the name of the object (x) does not match the name on the URL (seeded)"),
    _scale("other-namespace", merged(SCALE, {"metadata": {"namespace": "x"}}), 400, "the namespace of the object (x) does not match the namespace on the request (test)"),
    _scale("stale", merged(SCALE, {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 1}}), 409, "the object has been modified"),
    _scale("empty", b"", 400, "unexpected end of JSON input"),
    _scale("patch-negative", {"spec": {"replicas": -5}}, 422, "spec.replicas: Invalid value: -5", method="PATCH"),
    _scale("patch-text", {"spec": {"replicas": "x"}}, 422, "patch: Invalid value", method="PATCH"),
    _scale("patch-spec-list", {"spec": []}, 422, "patch: Invalid value", method="PATCH"),
    _scale("patch-list", [], 400, "error decoding patch", method="PATCH"),
]  # fmt: skip

ACCOUNT = one("ServiceAccount")


def _post(id_: str, path: str, body: Any, code: int, text: str = "", **more: Any) -> Case:
    return Case(id_, "POST", path, code, text, body, **more)


def _token(id_: str, spec: Any, code: int, text: str, path: str = ACCOUNT, **more: Any) -> Case:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    return _post(f"token-{id_}", f"{path}/token", {**body, **more}, code, text)


TOKENS = [
    _token("short", {"expirationSeconds": 599}, 422, "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes"),
    _token("negative", {"expirationSeconds": -1}, 422, "may not specify a duration less than 10 minutes"),
    _token("long", {"expirationSeconds": 2**32 + 1}, 422, "may not specify a duration larger than 2^32 seconds"),
    _token("text", {"expirationSeconds": "1h"}, 400, "of type int64"),
    _token("audiences-text", {"audiences": "x"}, 400, "of type []string"),
    _token("account-absent", {}, 404, 'serviceaccounts "absent" not found', f"{path_of('ServiceAccount')}/absent"),
    _token("bound-kind", {"boundObjectRef": {"kind": "Deployment", "apiVersion": "apps/v1", "name": "x"}}, 400, "cannot bind token to object of type"),
    _token("bound-absent", {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "absent"}}, 404, 'pods "absent" not found'),
    _token("bound-uid", {"boundObjectRef": {"kind": "Secret", "apiVersion": "v1", "name": "seeded", "uid": "x"}}, 409, "the UID in the bound object reference (x) does not match the UID in record"),
    _token("other-kind", {}, 400, "cannot be handled as a TokenRequest", kind="TokenReview"),
    _post("token-empty", f"{ACCOUNT}/token", b"", 400, "unexpected end of JSON input"),
    _post("token-review-empty", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {}}, 400, "token is required for TokenReview in authentication"),
    _post("token-review-list", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": []}, 400, "of type v1.TokenReviewSpec"),
]  # fmt: skip

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
REVIEW_CASES = [
    _post("review-empty", REVIEWS, {"spec": {}}, 422, "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"),
    _post("review-both", REVIEWS, {"spec": {"user": "u", "resourceAttributes": {}, "nonResourceAttributes": {}}}, 422, "spec.nonResourceAttributes: Invalid value: "),
    _post("review-nobody", REVIEWS, {"spec": {"resourceAttributes": {"verb": "get"}}}, 422, "spec.user: Invalid value: \"\": at least one of user or group must be specified"),
    _post("review-text", REVIEWS, {"spec": "x"}, 400, "of type v1.SubjectAccessReviewSpec"),
]  # fmt: skip

PODS = path_of("Pod")
SUBRESOURCES = [
    _post("binding-no-target", f"{POD}/binding", {"metadata": {"name": "seeded"}}, 422, "target.name: Required value"),
    _post("binding-target-kind", f"{POD}/binding", {"metadata": {"name": "seeded"}, "target": {"kind": "Pod", "name": "n"}}, 422, 'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"'),
    _post("binding-other-name", f"{POD}/binding", {"metadata": {"name": "x"}, "target": {"name": "n"}}, 400, "name in URL does not match name in Binding object"),
    _post("binding-uid", f"{POD}/binding", {"metadata": {"name": "seeded", "uid": "x"}, "target": {"name": "n"}}, 409, "Precondition failed: UID in precondition: x"),
    _post("binding-absent", f"{PODS}/absent/binding", {"metadata": {"name": "absent"}, "target": {"name": "n"}}, 404, 'pods "absent" not found'),
    _post("binding-other-kind", f"{POD}/binding", VALID["Pod"][1], 400, "cannot be handled as a Binding"),
    _post("bindings-absent", "/api/v1/namespaces/test/bindings", {"metadata": {"name": "absent"}, "target": {"name": "n"}}, 404, 'pods "absent" not found'),
    _post("bindings-no-name", "/api/v1/namespaces/test/bindings", {"target": {"name": "n"}}, 400, "Name parameter required."),
    _post("eviction-absent", f"{PODS}/absent/eviction", {"metadata": {"name": "absent"}}, 404, 'pods "absent" not found'),
    _post("eviction-other-name", f"{POD}/eviction", {"metadata": {"name": "x"}}, 400, "name in URL does not match name in Eviction object"),
    _post("eviction-policy", f"{POD}/eviction", {"metadata": {"name": "seeded"}, "deleteOptions": {"propagationPolicy": "x"}}, 422, "propagationPolicy: Unsupported value"),
    _post("eviction-uid", f"{POD}/eviction", {"metadata": {"name": "seeded"}, "deleteOptions": {"preconditions": {"uid": "x"}}}, 409, 'Operation cannot be fulfilled on Pod "seeded": the UID in the precondition (x) does not match the UID in record ('),
    _post("eviction-no-name", f"{POD}/eviction", {}, 400, "name in URL does not match name in Eviction object"),
    _post("eviction-other-kind", f"{POD}/eviction", VALID["Pod"][1], 400, "cannot be handled as a Eviction"),
    *(Case(f"log-{id_}", "GET", f"{PODS}/{name}/log", code, text, query=query) for id_, name, query, code, text in (
        ("absent", "absent", {}, 404, 'pods "absent" not found'),
        ("container", "seeded", {"container": "nothing"}, 400, "container nothing is not valid for pod seeded"),
        ("tail-text", "seeded", {"tailLines": "x"}, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("tail-negative", "seeded", {"tailLines": "-1"}, 422, "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ("limit-zero", "seeded", {"limitBytes": "0"}, 422, "limitBytes: Invalid value: 0: must be greater than 0"),
        ("since-zero", "seeded", {"sinceSeconds": "0"}, 422, "sinceSeconds: Invalid value: 0: must be greater than 0"),
        ("since-both", "seeded", {"sinceSeconds": "1", "sinceTime": "2026-01-01T00:00:00Z"}, 422, "at most one of `sinceTime` or `sinceSeconds` may be specified"),
        ("since-time-text", "seeded", {"sinceTime": "yesterday"}, 400, ""),
    )),
    Case("exec-absent", "POST", f"{PODS}/absent/exec", 404, 'pods "absent" not found', query={"command": "x"}),
    Case("exec-container", "POST", f"{POD}/exec", 400, "container nothing is not valid for pod seeded", query={"command": "x", "container": "nothing"}),
    Case("attach-absent", "POST", f"{PODS}/absent/attach", 404, 'pods "absent" not found'),
    Case("portforward-absent", "POST", f"{PODS}/absent/portforward", 404, 'pods "absent" not found'),
    Case("finalize-other-name", "PUT", "/api/v1/namespaces/seeded/finalize", 400, "does not match the name on the URL", {"metadata": {"name": "x"}}),
    Case("finalize-absent", "PUT", "/api/v1/namespaces/absent/finalize", 404, 'namespaces "absent" not found', {"metadata": {"name": "absent"}}),
    Case("finalize-bad", "PUT", "/api/v1/namespaces/seeded/finalize", 422, "spec.finalizers", {"metadata": {"name": "seeded"}, "spec": {"finalizers": ["x y"]}}),
    Case("ephemeral-none", "PUT", f"{POD}/ephemeralcontainers", 422, "", merged(VALID["Pod"][1], {"spec": {"ephemeralContainers": [{"name": "c", "image": "i"}]}})),
    Case("resize-cpu-text", "PATCH", f"{POD}/resize", 400, "quantities must match the regular expression", {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "lots"}}}]}}, headers={"content-type": STRATEGIC_PATCH}),
]  # fmt: skip

CASES = [
    *JSON_PATCHES, *MERGE_PATCHES, *STRATEGIC_PATCHES, *PATCH_MEDIA, *UPDATES, *SCALES, *TOKENS, *REVIEW_CASES, *SUBRESOURCES,
]  # fmt: skip
