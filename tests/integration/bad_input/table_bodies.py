"""Bodies that cannot be read, and objects with a wrong identity or wrong metadata, for every kind."""

# ruff: noqa: E501 - a case is a line
from __future__ import annotations

import json
from typing import Any

from tests.integration.bad_input.cases import DROP, JSON, PROTOBUF, YAML, Case, merged
from tests.integration.bad_input.objects import VALID, is_namespaced, one, path_of, qualified_kind

MAPS = path_of("ConfigMap")
UNREADABLE = "the object provided is unrecognized (must be of type ConfigMap): "
CANNOT = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: '


def _post(id_: str, body: Any, text: str, code: int = 400, media: str = JSON, **more: Any) -> Case:
    return Case(id_, "POST", MAPS, code, text, body, headers={"content-type": media}, **more)


def _deep(opening: bytes, closing: bytes, depth: int) -> bytes:
    return b'{"metadata":{"name":"x"},"data":' + opening * depth + closing * depth + b"}"


MALFORMED = [
    _post(
        "json-empty",
        b"",
        UNREADABLE + "couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
    ),
    _post("json-space", b"   ", UNREADABLE),
    _post(
        "json-brace", b"{", UNREADABLE + "couldn't get version/kind; json parse error: unexpected end of JSON input ({)"
    ),
    _post(
        "json-list",
        b"[]",
        UNREADABLE + "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value",
    ),
    _post("json-string", b'"x"', "json: cannot unmarshal string into Go value of type struct"),
    _post("json-number", b"5", "json: cannot unmarshal number into Go value of type struct"),
    _post("json-true", b"true", "json: cannot unmarshal bool into Go value of type struct"),
    _post("json-single-quotes", b"{'metadata': 1}", UNREADABLE),
    _post("json-trailing-comma", b'{"metadata":{"name":"x"},}', UNREADABLE),
    _post("json-trailing-garbage", b'{"metadata":{"name":"x"}} x', UNREADABLE),
    _post("json-two-documents", b'{"metadata":{"name":"x"}}{"metadata":{"name":"y"}}', UNREADABLE),
    _post("json-nan", b'{"metadata":{"name":"x","generation":NaN}}', UNREADABLE),
    _post("json-infinity", b'{"metadata":{"name":"x","generation":Infinity}}', UNREADABLE),
    _post("json-comment", b'{"metadata":{"name":"x"} /* hi */}', UNREADABLE),
    _post("json-hex-number", b'{"metadata":{"name":"x","generation":0x10}}', UNREADABLE),
    _post("json-leading-zero", b'{"metadata":{"name":"x","generation":01}}', UNREADABLE),
    _post("json-raw-newline-in-string", b'{"metadata":{"name":"a\nb"}}', UNREADABLE),
    _post("json-bad-escape", b'{"metadata":{"name":"\\x41"}}', UNREADABLE),
    _post("json-truncated", json.dumps(VALID["ConfigMap"][1]).encode()[:-5], UNREADABLE),
    _post("binary-garbage", bytes(range(256)), UNREADABLE),
    _post("nul-bytes", b"\0" * 100, UNREADABLE),
    Case(
        "gzip-body",
        "POST",
        MAPS,
        400,
        UNREADABLE,
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xabV*J-.\xcd)Q\x02\0",
        headers={"content-type": JSON, "content-encoding": "gzip"},
    ),
    _post("utf16", json.dumps({"metadata": {"name": "x"}}).encode("utf-16"), UNREADABLE),
    _post(
        "deep-objects",
        _deep(b'{"a":', b"1}", 5000).replace(b"1}1}", b"}}").replace(b":}", b":1}"),
        "exceeded max depth",
    ),
    _post("deep-lists", _deep(b"[", b"]", 20000), "exceeded max depth"),
    _post("deep-lists-unclosed", b"[" * 100_000, UNREADABLE),
]

TYPES = [
    ("metadata-string", {"metadata": "x"}, "json: cannot unmarshal string into Go struct field ConfigMap.metadata of type v1.ObjectMeta"),
    ("metadata-list", {"metadata": []}, "json: cannot unmarshal array into Go struct field ConfigMap.metadata of type v1.ObjectMeta"),
    ("name-number", {"metadata": {"name": 5}}, "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string"),
    ("name-bool", {"metadata": {"name": True}}, "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.name of type string"),
    ("name-list", {"metadata": {"name": ["x"]}}, "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.name of type string"),
    ("name-object", {"metadata": {"name": {}}}, "json: cannot unmarshal object into Go struct field ObjectMeta.metadata.name of type string"),
    ("labels-list", {"metadata": {"name": "x", "labels": ["a"]}}, "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string"),
    ("label-number", {"metadata": {"name": "x", "labels": {"a": 1}}}, "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"),
    ("label-bool", {"metadata": {"name": "x", "labels": {"a": True}}}, "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string"),
    ("annotation-object", {"metadata": {"name": "x", "annotations": {"a": {}}}}, "of type string"),
    ("finalizers-string", {"metadata": {"name": "x", "finalizers": "a/b"}}, "json: cannot unmarshal string into Go struct field ObjectMeta.metadata.finalizers of type []string"),
    ("finalizers-numbers", {"metadata": {"name": "x", "finalizers": [1]}}, "of type string"),
    ("owners-object", {"metadata": {"name": "x", "ownerReferences": {}}}, "of type []v1.OwnerReference"),
    ("owners-strings", {"metadata": {"name": "x", "ownerReferences": ["a"]}}, "of type v1.OwnerReference"),
    ("owner-controller-string", {"metadata": {"name": "x", "ownerReferences": [{"controller": "yes"}]}}, "of type bool"),
    ("generation-string", {"metadata": {"name": "x", "generation": "1"}}, "of type int64"),
    ("generation-float", {"metadata": {"name": "x", "generation": 1.5}}, "json: cannot unmarshal number 1.5 into Go struct field ObjectMeta.metadata.generation of type int64"),
    ("generation-too-large", {"metadata": {"name": "x", "generation": 2**63}}, "json: cannot unmarshal number 9223372036854775808 into Go struct field ObjectMeta.metadata.generation of type int64"),
    ("generation-very-large", {"metadata": {"name": "x", "generation": 10**30}}, "of type int64"),
    ("time-number", {"metadata": {"name": "x", "creationTimestamp": 5}}, "json: cannot unmarshal number into Go"),
    ("data-list", {"metadata": {"name": "x"}, "data": [1]}, "json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string"),
    ("data-number-value", {"metadata": {"name": "x"}, "data": {"k": 1}}, "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"),
    ("data-object-value", {"metadata": {"name": "x"}, "data": {"k": {}}}, "json: cannot unmarshal object into Go struct field ConfigMap.data of type string"),
    ("immutable-string", {"metadata": {"name": "x"}, "immutable": "true"}, "json: cannot unmarshal string into Go struct field ConfigMap.immutable of type bool"),
    ("kind-number", {"kind": 5, "metadata": {"name": "x"}}, "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string"),
    ("version-list", {"apiVersion": [], "metadata": {"name": "x"}}, "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go struct field .apiVersion of type string"),
]  # fmt: skip

WRONG_TYPES = [_post(f"type-{name}", body, text) for name, body, text in TYPES] + [
    _post("binary-data-no-base64", {"metadata": {"name": "x"}, "binaryData": {"k": "***"}}, "illegal base64 data"),
]

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % ((98 + i, 98 + i) + (97 + i,) * 9) for i in range(9)
)
YAML_BODIES = [
    _post("yaml-tab", b"metadata:\n\tname: x\n", "error converting YAML to JSON: yaml: ", media=YAML),
    _post("yaml-unclosed", b"metadata: {name: x", "error converting YAML to JSON: yaml: ", media=YAML),
    _post("yaml-bomb", BOMB, "error converting YAML to JSON: yaml: document contains excessive aliasing", media=YAML),
    _post("yaml-alias-undefined", b"metadata: *nothing", "error converting YAML to JSON: yaml: unknown anchor 'nothing' referenced", media=YAML),
    _post("yaml-alias-to-itself", b"metadata: &a {labels: *a}", "error converting YAML to JSON: yaml: ", media=YAML),
    _post("yaml-python-tag", b"metadata: !!python/object/apply:os.system ['true']", "", media=YAML),
    _post("yaml-binary-tag", b"metadata: {name: !!binary '*'}", "error converting YAML to JSON: yaml: ", media=YAML),
    _post("yaml-list", b"- a\n- b\n", "json: cannot unmarshal array into Go value", media=YAML),
    _post("yaml-scalar", b"hello", "json: cannot unmarshal string into Go value", media=YAML),
    _post("yaml-empty", b"", "metadata.name: Required value: name or generateName is required", 422, media=YAML),
    _post("json-null", b"null", "metadata.name: Required value: name or generateName is required", 422),
    _post("yaml-number-name", b"metadata: {name: 5}", "cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string", media=YAML),
    _post("yaml-octal-data", b"metadata: {name: x}\ndata: {k: 0644}", "cannot unmarshal number into Go struct field ConfigMap.data of type string", media=YAML),
    _post("yaml-bool-data", b"metadata: {name: x}\ndata: {k: yes}", "cannot unmarshal bool into Go struct field ConfigMap.data of type string", media=YAML),
    _post("yaml-nul", b"metadata: {name: \0}", "error converting YAML to JSON: yaml: control characters are not allowed", media=YAML),
    _post("yaml-invalid-utf8", b"metadata: {name: \xff\xfe}", "error converting YAML to JSON: yaml: ", media=YAML),
    _post("yaml-binary", bytes(range(256)), "error converting YAML to JSON: yaml: ", media=YAML),
    _post("yaml-map-as-key", b"{a: b}: c", "error converting YAML to JSON", media=YAML),
    _post("yaml-deep", b"metadata: " + b"[" * 20000, "yaml: ", media=YAML),
    _post("yaml-duplicate-strict", b"metadata: {name: x, name: y}", 'key "name" already set in map', media=YAML, query={"fieldValidation": "Strict"}),
]  # fmt: skip

PROTOBUF_BODIES = [
    _post("protobuf-empty", b"", "", media=PROTOBUF),
    _post("protobuf-json", b'{"metadata":{"name":"x"}}', "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]", media=PROTOBUF),
    _post("protobuf-magic-only", b"k8s\0", "", media=PROTOBUF),
    _post("protobuf-garbage", b"k8s\0" + bytes(range(128, 256)) * 4, "", media=PROTOBUF),
    _post("protobuf-zeros", b"k8s\0" + b"\0" * 64, "", media=PROTOBUF),
    _post("protobuf-huge-length", b"k8s\0\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "", media=PROTOBUF),
    _post("protobuf-long-varint", b"k8s\0\x0a" + b"\xff" * 200, "", media=PROTOBUF),
    _post("protobuf-truncated", b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigM", "", media=PROTOBUF),
    _post("protobuf-other-kind", b"k8s\0\x0a\x0c\x0a\x02v1\x12\x06Secret\x12\x00", "cannot be handled as a ConfigMap", media=PROTOBUF),
    _post("protobuf-unknown-kind", b"k8s\0\x0a\x0b\x0a\x02v1\x12\x05Thing\x12\x00", 'no kind "Thing" is registered for version "v1"', media=PROTOBUF),
    _post("protobuf-raw-garbage", b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x10" + b"\xff" * 16, "", media=PROTOBUF),
    _post("protobuf-groups", b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x04\x0b\x0b\x0b\x0b", "", media=PROTOBUF),
]  # fmt: skip

MEDIA = [
    Case(f"media-{name}", "POST", MAPS, 415, "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf", b"{}", headers={"content-type": media})
    for name, media in (
        ("text", "text/plain"),
        ("xml", "application/xml"),
        ("form", "application/x-www-form-urlencoded"),
        ("multipart", "multipart/form-data; boundary=x"),
        ("cbor-like", "application/msgpack"),
        ("patch", "application/merge-patch+json"),
        ("garbage", ";;;"),
        ("octets", "application/octet-stream"),
    )
]  # fmt: skip


def _strict() -> list[Case]:
    unknown = {"metadata": {"name": "x"}, "dta": {}}
    strict = {"fieldValidation": "Strict"}
    text = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field '
    return [
        _post("strict-unknown", unknown, f'{text}"dta"', query=strict),
        _post("strict-unknown-in-metadata", {"metadata": {"name": "x", "labls": {}}}, f'{text}"metadata.labls"', query=strict),
        _post("strict-case", {"metadata": {"Name": "x", "name": "x"}}, f'{text}"metadata.Name"', query=strict),
        _post("strict-duplicate", b'{"metadata":{"name":"x","name":"y"}}', 'strict decoding error: duplicate field "metadata.name"', query=strict),
        _post("strict-two", {"metadata": {"name": "x"}, "a": 1, "b": 2}, f'{text}"a", unknown field "b"', query=strict),
        *(
            Case(
                f"strict-unknown-{kind}", "POST", path, 400, 'strict decoding error: unknown field "unknownField"',
                {**merged(obj, {"metadata": {"name": "fresh"}}), "unknownField": 1}, query=strict,
            )
            for kind, (path, obj) in VALID.items()
        ),
    ]  # fmt: skip


def _identity() -> list[Case]:
    """For every kind: contradictions between the body and the URL."""
    found = []
    for kind, (path, obj) in VALID.items():
        name = obj["kind"]
        fresh = merged(obj, {"metadata": {"name": "fresh"}})
        other = "Secret" if kind != "Secret" else "ConfigMap"
        found += [
            Case(f"{kind}-other-kind", "POST", path, 400, f"cannot be handled as a {name}", merged(fresh, {"kind": other})),
            Case(f"{kind}-unknown-kind", "POST", path, 400, 'no kind "Thing" is registered for version', merged(fresh, {"kind": "Thing"})),
            Case(f"{kind}-unknown-version", "POST", path, 400, f'no kind "{name}" is registered for version "nothing/v9"', merged(fresh, {"apiVersion": "nothing/v9"})),
            Case(f"{kind}-bad-version", "POST", path, 400, "unexpected GroupVersion string: a/b/c", merged(fresh, {"apiVersion": "a/b/c"})),
            Case(f"{kind}-put-other-name", "PUT", one(kind), 400, f"the name of the object (fresh) does not match the name on the URL ({obj['metadata']['name']})", fresh),
            Case(f"{kind}-put-no-name", "PUT", one(kind), 400, "name must be provided", merged(obj, {"metadata": {"name": DROP}})),
            Case(f"{kind}-put-other-uid", "PUT", one(kind), 409, "Precondition failed: UID in precondition: other, UID in object meta: ", merged(obj, {"metadata": {"uid": "other"}})),
            Case(f"{kind}-post-resource-version", "POST", path, 400, "resourceVersion should not be set on objects to be created", merged(fresh, {"metadata": {"resourceVersion": "5"}})),
            Case(f"{kind}-exists", "POST", path, 409, f'"{obj["metadata"]["name"]}" already exists', obj, reason="AlreadyExists"),
        ]  # fmt: skip
        if is_namespaced(kind):
            found += [
                Case(f"{kind}-other-namespace", "POST", path, 400, "the namespace of the provided object does not match the namespace sent on the request", merged(fresh, {"metadata": {"namespace": "other"}})),
                Case(f"{kind}-put-other-namespace", "PUT", one(kind), 400, "the namespace of the object (other) does not match the namespace on the request (test)", merged(obj, {"metadata": {"namespace": "other"}})),
                Case(f"{kind}-absent-namespace", "POST", path.replace("/test/", "/absent/"), 404, 'namespaces "absent" not found', merged(fresh, {"metadata": {"namespace": DROP}})),
            ]  # fmt: skip
        else:
            found.append(
                Case(f"{kind}-with-namespace", "POST", path, 422, "metadata.namespace: Forbidden: not allowed on this type", merged(fresh, {"metadata": {"namespace": "test"}}), cause="metadata.namespace")
            )  # fmt: skip
    return found


QUALIFIED = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
LABEL_VALUE = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
METADATA: list[tuple[str, dict[str, Any], str, str]] = [
    ("no-name", {"name": DROP}, "metadata.name", "Required value: name or generateName is required"),
    ("empty-name", {"name": ""}, "metadata.name", "Required value: name or generateName is required"),
    ("long-name", {"name": "a" * 254}, "metadata.name", "must be no more than"),
    ("slash-in-name", {"name": "a/b"}, "metadata.name", 'Invalid value: "a/b": '),
    ("percent-in-name", {"name": "a%b"}, "metadata.name", 'Invalid value: "a%b": '),
    ("dot-name", {"name": ".."}, "metadata.name", 'Invalid value: "..": '),
    ("generate-name-slash", {"name": DROP, "generateName": "a/b-"}, "metadata.generateName", 'Invalid value: "a/b-": '),
    ("label-key-empty", {"labels": {"": "v"}}, "metadata.labels", 'Invalid value: "": name part must be non-empty'),
    ("label-key-bad", {"labels": {"-": "v"}}, "metadata.labels", f'Invalid value: "-": {QUALIFIED}'),
    ("label-key-long", {"labels": {"a" * 64: "v"}}, "metadata.labels", "name part must be no more than 63 bytes"),
    ("label-key-slashes", {"labels": {"a/b/c": "v"}}, "metadata.labels", 'Invalid value: "a/b/c": a valid label key must consist of alphanumeric characters'),
    ("label-prefix-bad", {"labels": {"A_B/c": "v"}}, "metadata.labels", "prefix part a lowercase RFC 1123 subdomain"),
    ("label-prefix-empty", {"labels": {"/c": "v"}}, "metadata.labels", "prefix part must be non-empty"),
    ("label-value-bad", {"labels": {"a": "no spaces"}}, "metadata.labels", f'Invalid value: "no spaces": {LABEL_VALUE}'),
    ("label-value-long", {"labels": {"a": "v" * 64}}, "metadata.labels", "must be no more than 63 bytes"),
    ("label-value-newline", {"labels": {"a": "v\n"}}, "metadata.labels", 'Invalid value: "v\\n": '),
    ("annotation-key-bad", {"annotations": {"no spaces": "v"}}, "metadata.annotations", f'Invalid value: "no spaces": {QUALIFIED}'),
    ("annotations-too-long", {"annotations": {"a": "x" * 300_000}}, "metadata.annotations", "Too long: may not be more than 262144 bytes"),
    ("finalizer-bad", {"finalizers": ["no slash!"]}, "metadata.finalizers", 'Invalid value: "no slash!": '),
    ("finalizer-empty", {"finalizers": [""]}, "metadata.finalizers", "name part must be non-empty"),
    ("finalizer-unqualified", {"finalizers": ["mine"]}, "metadata.finalizers[0]", 'Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified'),
    ("finalizers-exclude-each-other", {"finalizers": ["orphan", "foregroundDeletion"]}, "metadata.finalizers", "finalizer orphan and foregroundDeletion cannot be both set"),
    ("owner-empty", {"ownerReferences": [{}]}, "metadata.ownerReferences.apiVersion", "version must not be empty"),
    ("owner-no-uid", {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p"}]}, "metadata.ownerReferences.uid", 'Invalid value: "": must not be empty'),
    ("owner-no-name", {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "uid": "u"}]}, "metadata.ownerReferences.name", 'Invalid value: "": must not be empty'),
    ("owner-no-kind", {"ownerReferences": [{"apiVersion": "v1", "name": "p", "uid": "u"}]}, "metadata.ownerReferences.kind", 'Invalid value: "": must not be empty'),
    ("owner-event", {"ownerReferences": [{"apiVersion": "v1", "kind": "Event", "name": "p", "uid": "u"}]}, "metadata.ownerReferences", "/v1, Kind=Event is disallowed from being an owner"),
    ("two-controllers", {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": n, "uid": n, "controller": True} for n in "ab"]}, "metadata.ownerReferences", 'Only one reference can have Controller set to true. Found "true" in references for Pod/a and Pod/b'),
]  # fmt: skip
EVERYWHERE = ("no-name", "slash-in-name", "label-key-bad", "label-value-bad", "finalizer-bad", "owner-empty")


def _metadata() -> list[Case]:
    found = []
    for kind in ("ConfigMap", "Pod", "Deployment"):
        path, obj = VALID[kind]
        rows = METADATA if kind == "ConfigMap" else [row for row in METADATA if row[0] in EVERYWHERE]
        for name, change, where, text in rows:
            body = merged(obj, {"metadata": {"name": "fresh"}})
            body = merged(body, {"metadata": change})
            found.append(
                Case(
                    f"{kind}-{name}",
                    "POST",
                    path,
                    422,
                    f"{where}: {text}" if text.startswith(("Inv", "Req", "Too")) else text,
                    body,
                    cause=where,
                )
            )
    for kind, (path, obj) in VALID.items():
        if kind in ("ConfigMap", "Pod", "Deployment"):
            continue
        body = merged(obj, {"metadata": {"name": "fresh", "labels": {"a": "no spaces"}}})
        found.append(
            Case(
                f"{kind}-bad-label",
                "POST",
                path,
                422,
                f'{qualified_kind(kind).removesuffix(".events.k8s.io")} "fresh" is invalid: metadata.labels: Invalid value: "no spaces": {LABEL_VALUE}',
                body,
                cause="metadata.labels",
            )
        )
        body = merged(obj, {"metadata": {"name": "a/b"}})
        found.append(
            Case(
                f"{kind}-slash-in-name",
                "POST",
                path,
                422,
                'metadata.name: Invalid value: "a/b": ',
                body,
                cause="metadata.name",
            )
        )
        body = merged(obj, {"metadata": {"name": DROP}})
        found.append(
            Case(
                f"{kind}-no-name",
                "POST",
                path,
                422,
                "metadata.name: Required value: name or generateName is required",
                body,
                cause="metadata.name",
            )
        )
    return found  # fmt: skip


LARGE = [
    Case("body-over-3-mib", "POST", MAPS, 413, "Request entity too large: limit is 3145728", {"metadata": {"name": "x"}, "data": {"k": "x" * 3_200_000}}),
    Case("data-over-1-mib", "POST", MAPS, 422, "Too long: may not be more than 1048576 bytes", {"metadata": {"name": "x"}, "data": {"k": "x" * 1_048_577}}),
    Case("secret-over-1-mib", "POST", path_of("Secret"), 422, "data: Too long: may not be more than 1048576 bytes", {"metadata": {"name": "x"}, "data": {"k": "eHh4" * 360_000}}),
    Case("ten-thousand-labels", "POST", MAPS, 201, "", {"metadata": {"name": "many-labels", "labels": {f"l{n}": "v" for n in range(10_000)}}}, query={"dryRun": "All"}),
    Case("ten-thousand-bad-labels", "POST", MAPS, 422, "metadata.labels: Invalid value", {"metadata": {"name": "x", "labels": {f"-{n}": "v" for n in range(10_000)}}}),
    Case("ten-thousand-containers", "POST", path_of("Pod"), 422, "spec.containers[1].name: Duplicate value", {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c", "image": "i"}] * 10_000}}),
]  # fmt: skip

CASES = [
    *MALFORMED, *WRONG_TYPES, *YAML_BODIES, *PROTOBUF_BODIES, *MEDIA, *_strict(), *_identity(), *_metadata(), *LARGE,
]  # fmt: skip
