"""Paths, methods, query parameters and deletes: requests that are well formed and ask for what there is not."""

# ruff: noqa: E501 - a case is a line
from __future__ import annotations

import base64
import json

from tests.integration.bad_input.cases import JSON, Case, merged
from tests.integration.bad_input.objects import VALID, one, path_of, resource

MAPS, PODS = path_of("ConfigMap"), path_of("Pod")
NO_RESOURCE = "the server could not find the requested resource"
NOT_ALLOWED = "the server does not allow this method on the requested resource"


def _get(id_: str, path: str, code: int, text: str = "", **more: object) -> Case:
    return Case(id_, "GET", path, code, text, **more)  # type: ignore[arg-type]


PATHS = [
    _get(f"path-{name}", path, 404, NO_RESOURCE)
    for name, path in (
        ("unknown-resource", "/api/v1/nothings"),
        ("unknown-namespaced-resource", "/api/v1/namespaces/test/nothings"),
        ("unknown-object", "/api/v1/namespaces/test/nothings/a"),
        ("unknown-version", "/api/v2/pods"),
        ("unknown-group", "/apis/nothing.example/v1/things"),
        ("unknown-group-version", "/apis/apps/v9/deployments"),
        ("no-path", "/nothing"),
        ("api-version-absent", "/api/v9"),
        ("group-absent", "/apis/nothing.example"),
        ("group-version-absent", "/apis/apps/v9"),
        ("openapi-v3-absent", "/openapi/v3/apis/nothing/v1"),
        ("openapi-v4", "/openapi/v4"),
        ("core-under-apis", "/apis/v1/pods"),
        ("apps-under-api", "/api/apps/v1/deployments"),
        ("cluster-kind-in-namespace", "/api/v1/namespaces/test/nodes"),
        ("namespaced-kind-without", "/api/v1/configmaps/a"),
        ("unknown-subresource", f"{PODS}/seeded/nothing"),
        ("status-of-configmap", f"{MAPS}/seeded/status"),
        ("scale-of-configmap", f"{MAPS}/seeded/scale"),
        ("scale-of-pod", f"{PODS}/seeded/scale"),
        ("status-of-role", f"{path_of('Role')}/seeded/status"),
        ("below-status", f"{PODS}/seeded/status/more"),
        ("encoded-slash", f"{MAPS}/..%2f..%2fsecrets"),
        ("dots", "/api/v1/namespaces/test/../kube-system/secrets"),
        ("dots-at-root", "/../../etc/passwd"),
        ("double-slash", "//api/v1/namespaces"),
        ("double-slash-inside", "/api/v1//namespaces"),
        ("double-slash-in-name", "/api/v1/namespaces//configmaps"),
        ("upper-case", "/API/V1/pods"),
        ("plural-wrong", "/api/v1/pod"),
        ("kind-as-resource", "/api/v1/Pods"),
        ("long", "/" + "a" * 60_000),
        ("many-segments", "/api/v1/namespaces/test" + "/a" * 5000),
        ("unicode", "/api/v1/%E2%98%83"),
        ("invalid-utf8", "/api/v1/%ff%fe"),
        ("version-debug", "/version/more"),
    )
] + [
    _get(f"absent-{kind}", f"{path_of(kind)}/absent", 404, f'{resource(kind)} "absent" not found') for kind in VALID
] + [
    Case(f"delete-absent-{kind}", "DELETE", f"{path_of(kind)}/absent", 404, f'{resource(kind)} "absent" not found')
    for kind in VALID
] + [
    Case(f"patch-absent-{kind}", "PATCH", f"{path_of(kind)}/absent", 404, f'{resource(kind)} "absent" not found',
         {}, headers={"content-type": "application/merge-patch+json"})
    for kind in VALID if kind != "Event"
] + [
    Case(f"put-absent-{kind}", "PUT", f"{path_of(kind)}/absent", 404, f'{resource(kind)} "absent" not found',
         merged(VALID[kind][1], {"metadata": {"name": "absent", "resourceVersion": "1"}}))
    for kind in ("ConfigMap", "Pod", "Deployment", "ReplicaSet", "Secret", "ServiceAccount", "Namespace", "PodTemplate")
] + [
    _get("name-nul", f"{MAPS}/%00", 404, "not found"),
    _get("name-space", f"{MAPS}/a%20b", 404, 'configmaps "a b" not found'),
    _get("name-percent", f"{MAPS}/%2525", 404, "not found"),
    _get("name-long", f"{MAPS}/{'a' * 5000}", 404, "not found"),
]  # fmt: skip

METHODS = [
    Case(f"method-{id_}", method, path, 405, NOT_ALLOWED, b"{}" if method in ("POST", "PUT", "PATCH") else None)
    for id_, method, path in (
        ("post-to-object", "POST", f"{MAPS}/name"),
        ("post-to-all-namespaces", "POST", "/api/v1/configmaps"),
        ("put-to-collection", "PUT", MAPS),
        ("patch-to-collection", "PATCH", MAPS),
        ("delete-namespaces", "DELETE", "/api/v1/namespaces"),
        ("delete-services-of-all", "DELETE", "/api/v1/services"),
        ("delete-pods-of-all", "DELETE", "/api/v1/pods"),
        ("get-binding", "GET", f"{PODS}/seeded/binding"),
        ("get-eviction", "GET", f"{PODS}/seeded/eviction"),
        ("get-token", "GET", "/api/v1/namespaces/test/serviceaccounts/seeded/token"),
        ("put-log", "PUT", f"{PODS}/seeded/log"),
        ("delete-status", "DELETE", f"{PODS}/seeded/status"),
        ("post-status", "POST", f"{PODS}/seeded/status"),
        ("delete-scale", "DELETE", f"{one('Deployment')}/scale"),
        ("get-finalize", "GET", "/api/v1/namespaces/test/finalize"),
        ("list-token-reviews", "GET", "/apis/authentication.k8s.io/v1/tokenreviews"),
        ("list-access-reviews", "GET", "/apis/authorization.k8s.io/v1/subjectaccessreviews"),
        ("delete-bindings", "DELETE", "/api/v1/namespaces/test/bindings"),
        ("post-version", "POST", "/version"),
        ("delete-api", "DELETE", "/api"),
    )
]

INVALID_LIST = 'ListOptions.meta.k8s.io "" is invalid: '


def _token(**fields: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


def _list(id_: str, code: int, text: str, path: str = MAPS, **query: object) -> Case:
    return Case(f"query-{id_}", "GET", path, code, text, query=query)


PARSE_INT = 'strconv.ParseInt: parsing "'
LISTS = [
    *(_list(f"limit-{id_}", 400, f'{PARSE_INT}{value}": {why}', limit=value) for id_, value, why in (
        ("text", "ten", "invalid syntax"), ("float", "1.5", "invalid syntax"), ("space", " 5", "invalid syntax"),
        ("underscore", "5_0", "invalid syntax"), ("hex", "0x10", "invalid syntax"), ("superscript", "²", "invalid syntax"),
        ("large", "9" * 30, "value out of range"), ("huge", "9" * 5000, "value out of range"),
    )),
    *(_list(f"timeout-{id_}", 400, f'{PARSE_INT}{value}": invalid syntax', timeoutSeconds=value) for id_, value in (
        ("text", "soon"), ("unit", "5s"), ("float", "0.5"),
    )),
    _list("limit-negative-lists-all", 200, "seeded", limit="-1"),
    _list("limit-zero-lists-all", 200, "seeded", limit="0"),
    *(_list(f"revision-{id_}", 400, "invalid resource version: resourceVersion: Invalid value: \"" + value + "\": strconv.ParseUint: parsing", resourceVersion=value) for id_, value in (
        ("text", "abc"), ("negative", "-1"), ("float", "1.5"), ("superscript", "²"), ("hex", "0x1"), ("space", "1 "),
        ("huge", "9" * 5000), ("over-64-bits", str(2**64)), ("arabic-digits", "١٢"),
    )),
    _list("revision-future", 504, "Too large resource version: 9000000000", resourceVersion="9000000000"),
    _list("revision-future-exact", 504, "Too large resource version: 9000000000", resourceVersion="9000000000", resourceVersionMatch="Exact"),
    _list("revision-largest", 504, "Too large resource version: ", resourceVersion=str(2**63 - 1)),
    _list("match-alone", 422, INVALID_LIST + "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided", resourceVersionMatch="Exact"),
    _list("match-unknown", 422, INVALID_LIST + 'resourceVersionMatch: Unsupported value: "Older": supported values: "Exact", "NotOlderThan", ""', resourceVersion="1", resourceVersionMatch="Older"),
    _list("match-exact-zero", 422, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"', resourceVersion="0", resourceVersionMatch="Exact"),
    _list("match-with-continue", 422, "resourceVersionMatch is forbidden when continue is provided", resourceVersion="1", resourceVersionMatch="Exact", **{"continue": "x"}),
    _list("send-initial-events", 422, "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list", sendInitialEvents="true"),
    *(_list(f"continue-{id_}", 400, "invalid continue token: continue key is not valid: ", **{"continue": value}) for id_, value in (
        ("garbage", "!!!"), ("no-json", "aGVsbG8"), ("empty-object", _token()),
        ("version", _token(v="meta.k8s.io/v9", rv=1, start="x")), ("no-start", _token(v="meta.k8s.io/v1", rv=1)),
        ("no-revision", _token(v="meta.k8s.io/v1", start="x")), ("dots", _token(v="meta.k8s.io/v1", rv=1, start="../secrets/x")),
        ("revision-text", _token(v="meta.k8s.io/v1", rv="x", start="x")), ("list", _token(v=[1], rv=1, start="x")),
        ("non-ascii", "é"), ("nul", "\0"), ("revision-float", _token(v="meta.k8s.io/v1", rv=1.5, start="x")),
    )),
    _list("continue-future", 504, "Too large resource version", **{"continue": _token(v="meta.k8s.io/v1", rv=10**12, start="test/a\0")}),
    _list("continue-with-revision", 400, "specifying resource version is not allowed when using continue", resourceVersion="5", **{"continue": _token(v="meta.k8s.io/v1", rv=1, start="test/a\0")}),
    *(_list(f"labels-{id_}", 400, text, labelSelector=value) for id_, value, text in (
        ("operator", "a==b==c", "unable to parse requirement: found '==', expected: ',' or 'end of string'"),
        ("bad-key", "-a=b", "unable to parse requirement: key: Invalid value: \"-a\": name part must consist of alphanumeric characters"),
        ("bad-value", "a=b/c", "Invalid value"),
        ("open-set", "a in (b", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("no-set", "a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("greater-text", "a>b", "for 'Gt', 'Lt' operators, the value must be an integer"),
        ("unknown-operator", "a ~ b", "unable to parse requirement: found '~', expected: in, notin, =, ==, !=, gt, lt"),
        ("comma", ",", "unable to parse requirement: "),
        ("bang", "!", "unable to parse requirement: found '', expected: identifier"),
        ("long-value", "a=" + "b" * 64, "must be no more than 63 bytes"),
        ("nul", "a=\0", "unable to parse requirement"),
    )),
    *(_list(f"fields-{id_}", 400, text, fieldSelector=value) for id_, value, text in (
        ("unknown", "spec.nothing=1", '"spec.nothing" is not a known field selector: only "metadata.name", "metadata.namespace"'),
        ("no-operator", "metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("bad-escape", "metadata.name=a\\b", "invalid field selector: invalid escape sequence: \\b"),
        ("unescaped-equals", "metadata.name=a=b", "invalid"),
        ("garbage", "@@@", "invalid selector: '@@@'; can't understand '@@@'"),
    )),
    _list("fields-unknown-of-pods", 400, 'field label not supported: spec.nothing', PODS, fieldSelector="spec.nothing=1"),
    _list("fields-unknown-of-deployments", 400, '"spec.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"', path_of("Deployment"), fieldSelector="spec.replicas=1"),
    _list("unknown-parameter-is-ignored", 200, "seeded", nothing="x"),
    _list("pretty-garbage-is-ignored", 200, "seeded", pretty="maybe"),
    Case("query-bad-escape-is-ignored", "GET", f"{MAPS}?x=%zz&a=%", 200, "seeded"),
    Case("query-many-parameters", "GET", f"{MAPS}?" + "a=b&" * 10_000, 200, "seeded"),
    Case("query-invalid-utf8", "GET", f"{MAPS}?labelSelector=%ff", 400, "unable to parse requirement"),
    _list("timeout-of-request", 400, 'invalid timeout specified in the request URL', timeout="abc"),
    Case("get-revision-garbage", "GET", one("ConfigMap"), 400, "strconv.ParseUint: parsing", query={"resourceVersion": "x"}),
    Case("get-revision-future", "GET", one("ConfigMap"), 504, "Too large resource version: 9000000000", query={"resourceVersion": "9000000000"}),
    Case("table-include-object", "GET", MAPS, 400, "Unable to convert to Table as requested: includeObject: Invalid value: \"Some\": must be 'Metadata', 'Object', 'None', or empty", query={"includeObject": "Some"}, headers={"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}),
]  # fmt: skip

WATCHES = [
    Case(f"watch-{id_}", "GET", MAPS, code, text, query={"watch": "1", **query})
    for id_, code, text, query in (
        ("revision-text", 400, "strconv.ParseUint: parsing", {"resourceVersion": "abc"}),
        ("revision-negative", 400, "strconv.ParseUint: parsing", {"resourceVersion": "-5"}),
        ("revision-superscript", 400, "strconv.ParseUint: parsing", {"resourceVersion": "³"}),
        ("label-selector", 400, "unable to parse requirement", {"labelSelector": "a in b"}),
        ("field-selector", 400, "is not a known field selector", {"fieldSelector": "a=b"}),
        ("match-alone", 422, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided", {"resourceVersionMatch": "Exact"}),
        ("initial-events-without-match", 422, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan", {"sendInitialEvents": "true", "allowWatchBookmarks": "1"}),
        ("initial-events-exact", 422, 'resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"', {"sendInitialEvents": "true", "resourceVersionMatch": "Exact", "allowWatchBookmarks": "1"}),
        ("initial-events-of-the-future", 504, "Too large resource version: 9000000000", {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "1", "resourceVersion": "9000000000"}),
        ("timeout-text", 400, 'strconv.ParseInt: parsing "x": invalid syntax', {"timeoutSeconds": "x"}),
        ("limit-text", 400, 'strconv.ParseInt: parsing "x": invalid syntax', {"limit": "x"}),
    )
] + [
    Case("watch-accept", "GET", MAPS, 406, "only the following media types are accepted", query={"watch": "1"}, headers={"accept": "text/html"}),
    Case("watch-unknown-resource", "GET", "/api/v1/nothings", 404, NO_RESOURCE, query={"watch": "1"}),
    Case("watch-old-style-unknown", "GET", "/api/v1/watch/nothings", 404, NO_RESOURCE),
]  # fmt: skip

ACCEPTS = [
    _get(f"accept-{id_}", path, 406, "only the following media types are accepted: application/json", headers={"accept": accept})
    for id_, accept, path in (
        ("html", "text/html", MAPS),
        ("image", "image/png", one("ConfigMap")),
        ("xml", "application/xml", one("Pod")),
        ("garbage", "garbage", MAPS),
        ("refused-json", "application/json;q=0", MAPS),
        ("table-of-v9", "application/json;as=Table;v=v9;g=meta.k8s.io", MAPS),
        ("table-of-group", "application/json;as=Table;v=v1;g=nothing", MAPS),
        ("unknown-form", "application/json;as=Thing;v=v1;g=meta.k8s.io", MAPS),
    )
]  # fmt: skip

WRITE_OPTIONS = [
    Case(f"options-{id_}", method, path, code, text, body, query=query, headers=headers)
    for id_, method, path, body, headers, query, code, text in (
        ("create-dry-run", "POST", MAPS, {"metadata": {"name": "x"}}, {}, {"dryRun": "Some"}, 422, 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: "Some": supported values: "All"'),
        ("create-dry-run-two", "POST", MAPS, {"metadata": {"name": "x"}}, {}, {"dryRun": ["All", "Some"]}, 422, "dryRun: Unsupported value"),
        ("create-validation", "POST", MAPS, {"metadata": {"name": "x"}}, {}, {"fieldValidation": "Perhaps"}, 422, 'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Perhaps": supported values: "", "Ignore", "Strict", "Warn"'),
        ("create-manager-long", "POST", MAPS, {"metadata": {"name": "x"}}, {}, {"fieldManager": "m" * 129}, 422, 'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes'),
        ("create-manager-unprintable", "POST", MAPS, {"metadata": {"name": "x"}}, {}, {"fieldManager": "m\n"}, 422, "fieldManager: Invalid value: \"m\\n\": invalid character U+000A (at position 1)"),
        ("update-validation", "PUT", one("ConfigMap"), VALID["ConfigMap"][1], {}, {"fieldValidation": "strict"}, 422, 'UpdateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "strict"'),
        ("update-dry-run", "PUT", one("ConfigMap"), VALID["ConfigMap"][1], {}, {"dryRun": "true"}, 422, "UpdateOptions.meta.k8s.io"),
        ("patch-force", "PATCH", one("ConfigMap"), {}, {"content-type": "application/merge-patch+json"}, {"force": "true"}, 422, 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch'),
        ("patch-validation", "PATCH", one("ConfigMap"), {}, {"content-type": "application/merge-patch+json"}, {"fieldValidation": "x"}, 422, 'PatchOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "x"'),
    )
]  # fmt: skip

INVALID_DELETE = 'DeleteOptions.meta.k8s.io "" is invalid: '
MAP = one("ConfigMap")
DELETES = [
    Case(f"delete-{id_}", "DELETE", path, code, text, body, query=query, headers=headers)
    for id_, path, body, query, headers, code, text in (
        ("policy-unknown", MAP, None, {"propagationPolicy": "Later"}, {}, 422, INVALID_DELETE + 'propagationPolicy: Unsupported value: "Later": supported values: "Foreground", "Background", "Orphan", "nil"'),
        ("policy-unknown-in-body", MAP, {"propagationPolicy": "Later"}, {}, {}, 422, 'propagationPolicy: Unsupported value: "Later"'),
        ("policy-and-orphan", MAP, {"propagationPolicy": "Orphan", "orphanDependents": True}, {}, {}, 422, 'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set'),
        ("dry-run", MAP, None, {"dryRun": "x"}, {}, 422, "dryRun: Unsupported value"),
        ("dry-run-in-body", MAP, {"dryRun": ["x"]}, {}, {}, 422, "dryRun: Unsupported value"),
        ("grace-text", MAP, None, {"gracePeriodSeconds": "now"}, {}, 400, 'strconv.ParseInt: parsing "now": invalid syntax'),
        ("grace-string-in-body", MAP, {"gracePeriodSeconds": "5"}, {}, {}, 400, "cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64"),
        ("grace-float-in-body", MAP, {"gracePeriodSeconds": 1.5}, {}, {}, 400, "cannot unmarshal number 1.5 into Go struct field DeleteOptions.gracePeriodSeconds of type int64"),
        ("uid", MAP, {"preconditions": {"uid": "other"}}, {}, {}, 409, 'Operation cannot be fulfilled on configmaps "seeded": Precondition failed: UID in precondition: other, UID in object meta: '),
        ("revision", MAP, {"preconditions": {"resourceVersion": "1"}}, {}, {}, 409, "Precondition failed: ResourceVersion in precondition: 1, ResourceVersion in object meta: "),
        ("preconditions-list", MAP, {"preconditions": []}, {}, {}, 400, "cannot unmarshal array into Go struct field DeleteOptions.preconditions of type v1.Preconditions"),
        ("other-kind", MAP, {"apiVersion": "v1", "kind": "Pod"}, {}, {}, 400, "Pod in version \"v1\" cannot be handled as a DeleteOptions"),
        ("unknown-kind", MAP, {"apiVersion": "v1", "kind": "Thing"}, {}, {}, 400, 'no kind "Thing" is registered for version "v1"'),
        ("no-json", MAP, b"{", {}, {"content-type": JSON}, 400, "unexpected end of JSON input"),
        ("list", MAP, b"[]", {}, {"content-type": JSON}, 400, "cannot unmarshal array"),
        ("binary", MAP, bytes(range(200)), {}, {"content-type": JSON}, 400, ""),
        ("media", MAP, b"x", {}, {"content-type": "text/plain"}, 415, "unknown format"),
        ("immortal-default", "/api/v1/namespaces/default", None, {}, {}, 403, 'namespaces "default" is forbidden: this namespace may not be deleted'),
        ("immortal-kube-system", "/api/v1/namespaces/kube-system", None, {}, {}, 403, "this namespace may not be deleted"),
        ("immortal-kube-public", "/api/v1/namespaces/kube-public", None, {}, {}, 403, "this namespace may not be deleted"),
        ("accept", MAP, None, {}, {"accept": "text/html"}, 406, ""),
        ("collection-policy", MAPS, None, {"propagationPolicy": "x"}, {}, 422, "propagationPolicy: Unsupported value"),
        ("collection-label-selector", MAPS, None, {"labelSelector": "a in b"}, {}, 400, "unable to parse requirement"),
        ("collection-field-selector", MAPS, None, {"fieldSelector": "spec.x=1"}, {}, 400, "is not a known field selector"),
        ("collection-body", MAPS, b"{", {}, {"content-type": JSON}, 400, "unexpected end of JSON input"),
        ("collection-dry-run", MAPS, None, {"dryRun": "Maybe"}, {}, 422, "dryRun: Unsupported value"),
        ("collection-grace", MAPS, {"gracePeriodSeconds": "x"}, {}, {}, 400, "of type int64"),
        ("collection-limit", MAPS, None, {"limit": "x"}, {}, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("collection-revision", MAPS, None, {"resourceVersion": "x"}, {}, 400, "strconv.ParseUint: parsing"),
    )
]  # fmt: skip

STALE = [
    Case(f"put-stale-{kind}", "PUT", one(kind), 409,
         f'Operation cannot be fulfilled on {resource(kind)} "{VALID[kind][1]["metadata"]["name"]}": the object has been modified; please apply your changes to the latest version and try again',
         merged(VALID[kind][1], {"metadata": {"resourceVersion": "1"}}))
    for kind in VALID
] + [
    Case(f"put-revision-text-{kind}", "PUT", one(kind), 422,
         'metadata.resourceVersion: Invalid value: "abc"', merged(VALID[kind][1], {"metadata": {"resourceVersion": "abc"}}))
    for kind in ("ConfigMap", "Pod", "Deployment", "Node", "Lease")
] + [
    Case("put-revision-superscript", "PUT", MAP, 422, "metadata.resourceVersion: Invalid value",
         merged(VALID["ConfigMap"][1], {"metadata": {"resourceVersion": "²"}})),
    Case("put-revision-negative", "PUT", MAP, 422, "metadata.resourceVersion: Invalid value",
         merged(VALID["ConfigMap"][1], {"metadata": {"resourceVersion": "-1"}})),
]  # fmt: skip

CASES = [*PATHS, *METHODS, *LISTS, *WATCHES, *ACCEPTS, *WRITE_OPTIONS, *DELETES, *STALE]
