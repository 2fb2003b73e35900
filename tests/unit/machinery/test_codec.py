"""Whatever arrives, decoding ends in an object or in a 400 that says where."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.api.types.apps_v1 import Deployment
from kubelite.api.types.core_v1 import ConfigMap, Pod
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "spec", "name", "labels", "containers", "env", "ports", "kind", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_a_pod_or_a_bad_request(value: Any) -> None:
    try:
        pod = codec.decode(json.dumps(value).encode(), Pod)
    except StatusError as error:
        assert error.code == 400
    else:
        assert codec.decode(codec.encode(pod), Pod) == pod


@given(st.binary(max_size=40))
@settings(max_examples=200)
def test_any_bytes_are_an_object_or_a_bad_request(body: bytes) -> None:
    for decode in (lambda b: codec.decode(b, Pod), codec.decode_generic, lambda b: codec.decode_generic(b, codec.YAML)):
        try:
            decode(body)
        except StatusError as error:
            assert error.code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b"NaN",
        b"\xff\xfe",
        b'{"metadata":{"name":"\xff"}}',
        b'{"a":' * 50_000,
        b"[" * 50_000,
        b'{"spec":{"activeDeadlineSeconds":1e400}}',
        b'{"spec":{"activeDeadlineSeconds":' + b"9" * 5000 + b"}}",
        b'{"metadata":{"name":"\\ud800"}}',
    ],
)
def test_garbage_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(StatusError) as caught:
        codec.decode(body, Pod)
    assert (caught.value.code, caught.value.reason) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            b'{"kind":"Deployment","apiVersion":"apps/v1","spec":{"replicas":"many"}}',
            'Deployment in version "v1" cannot be handled as a Deployment: '
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            b'{"spec":{"template":{"spec":{"containers":[{"image":1}]}}}}',
            "cannot unmarshal number into Go struct field Container.spec.template.spec.containers.image of type string",
        ),
        (b'{"metadata":{"labels":{"a":5}}}', "Go struct field ObjectMeta.metadata.labels of type string"),
        (b'{"spec":[]}', "cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec"),
        (
            b'{"spec":{"paused":"yes"}}',
            "cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool",
        ),
    ],
)
def test_a_wrong_type_names_the_field(body: bytes, says: str) -> None:
    with pytest.raises(StatusError) as caught:
        codec.decode(body, Deployment)
    assert says in caught.value.message


def test_deep_nesting_is_refused_where_it_would_be_kept() -> None:
    with pytest.raises(StatusError, match="exceeded max depth"):
        codec.decode_generic(b'{"spec":' * 450 + b"1" + b"}" * 450)


def test_nulls_count_as_absent() -> None:
    body = (
        b'{"metadata":{"name":"a","labels":null,"creationTimestamp":null},"spec":{"containers":[null],"nodeName":null}}'
    )
    pod = codec.decode(body, Pod)
    assert (pod.metadata.name, pod.metadata.labels, pod.spec.nodeName, len(pod.spec.containers)) == ("a", {}, "", 1)
    assert codec.decode(b'{"data":{"a":null}}', ConfigMap).data == {"a": ""}


def test_nulls_inside_free_form_values_stay() -> None:
    from kubelite.api.types.apps_v1 import ControllerRevision

    revision = codec.decode(b'{"metadata":{"labels":null},"data":{"spec":null}}', ControllerRevision)
    assert revision.data == {"spec": None}


def test_a_clone_shares_nothing() -> None:
    pod = codec.decode(b'{"metadata":{"labels":{"a":"b"}}}', Pod)
    other = codec.clone(pod)
    other.metadata.labels["a"] = "c"
    assert pod.metadata.labels == {"a": "b"}


def test_unknown_and_repeated_fields_are_named_with_their_paths() -> None:
    body = (
        b'{"metadata":{"name":"a","name":"b","x":1},'
        b'"spec":{"containers":[{"name":"c","foo":1}],"nodeSelector":{"any":"x"}},"y":2}'
    )
    assert codec.strict_errors(body, Pod) == [
        'duplicate field "metadata.name"',
        'unknown field "metadata.x"',
        'unknown field "spec.containers[0].foo"',
        'unknown field "y"',
    ]
    assert codec.unknown_fields(json.loads(body), Pod) == [
        'unknown field "metadata.x"',
        'unknown field "spec.containers[0].foo"',
        'unknown field "y"',
    ]


@pytest.mark.parametrize(
    "body",
    [
        b'{"kind":"Pod","spec":{"containers":[{"name":"a","env":[{"name":"X","value":"1"}]}]}}',
        b'{ "kind" : "Pod",\n "metadata": {"labels": {"a\\u003c": "b:\\":"}, "creationTimestamp": null} }',
    ],
)
def test_a_clean_body_has_no_strict_errors(body: bytes) -> None:
    assert codec.strict_errors(body, Pod) == []


def test_repeated_and_unknown_fields_are_found_beside_the_nulls_that_go_writes() -> None:
    head = b'{"metadata":{"name":"p","creationTimestamp":null},"status":{},"spec":{"containers":['
    assert codec.strict_errors(head + b'{"name":"a","resources":{}}]}}', Pod) == []
    assert codec.strict_errors(head + b'{"name":"a","resources":{},"name":"b"}]}}', Pod) == [
        'duplicate field "spec.containers[0].name"'
    ]
    assert codec.strict_errors(head + b'{"name":"a","resources":{},"colour":null}]}}', Pod) == [
        'unknown field "spec.containers[0].colour"'
    ]


def test_strict_errors_inside_types_that_contain_themselves() -> None:
    from kubelite.api.types.apiextensions_v1 import CustomResourceDefinition

    def body(field: str) -> bytes:
        schema = {"properties": {"a": {"properties": {"b": {field: "string"}}}}}
        return json.dumps(
            {"spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]}}, separators=(",", ":")
        ).encode()

    assert codec.strict_errors(body("type"), CustomResourceDefinition) == []
    found = 'unknown field "spec.versions[0].schema.openAPIV3Schema.properties.a.properties.b.typ"'
    assert codec.strict_errors(body("typ"), CustomResourceDefinition) == [found]


def test_other_media_types_are_refused() -> None:
    with pytest.raises(StatusError) as caught:
        codec.decode_generic(b"{}", "text/plain")
    assert caught.value.code == 415


@pytest.mark.parametrize("media", ["application/yaml", "application/apply-patch+yaml", "text/yaml; charset=utf-8"])
def test_yaml_bodies_report_repeated_keys(media: str) -> None:
    repeated: list[str] = []
    assert codec.decode_generic(b"kind: Pod\nspec:\n  a: 1\n  a: 2\n", media, repeated) == {
        "kind": "Pod",
        "spec": {"a": 2},
    }
    assert repeated == ['line 4: key "a" already set in map']


@pytest.mark.parametrize("media", ["", "application/json; charset=utf-8", "application/merge-patch+json"])
def test_json_media_types(media: str) -> None:
    assert codec.decode_generic(b'{"a":[1.5,null,true]}', media) == {"a": [1.5, None, True]}


@given(json_values)
def test_whole_numbers_have_no_fraction_and_nothing_else_changes(value: Any) -> None:
    text = codec.encode_whole({"v": value, "text": '"1.0,', "list": [1.0, 2.5]})
    # Go pads a float64 without fraction with zeros: it is the same number only as a float64.
    wanted = json.loads(json.dumps({"v": value, "text": '"1.0,', "list": [1, 2.5]}), parse_int=float)
    assert json.loads(text, parse_int=float) == wanted
    assert b"[1,2.5]" in text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1e21", "1e+21"),
        ("1e20", "100000000000000000000"),
        ("1.5e300", "1.5e+300"),
        ("-2.5e-7", "-2.5e-7"),
        ("0.000001", "0.000001"),
        ("1e-10", "1e-10"),
        ("123456789.125e-3", "123456.789125"),
        ("123456789012345.5", "123456789012345.5"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775808", "9223372036854776000"),
        ("12345678901234567890123", "1.2345678901234568e+22"),
        ("-0.0", "-0"),
        ("9" * 400, "9" * 400),
    ],
)
def test_numbers_are_written_as_go_writes_them(written: str, read: str) -> None:
    assert codec.encode_whole(codec.decode_generic(b'{"v":[%s]}' % written.encode())).decode() == f'{{"v":[{read}]}}'


@given(st.text())
def test_numbers_in_texts_are_left_alone(text: str) -> None:
    value = {"a": f'{text}"1.0,1e21,12345678901234567890123"{text}', "b": 1.0}
    assert json.loads(codec.encode_whole(value)) == {**value, "b": 1}
    inside = json.dumps({"x": 1.0, "y": 1e21, "z": text})
    assert json.loads(codec.encode_whole({"annotation": inside, "b": 1.0})) == {"annotation": inside, "b": 1}


@pytest.mark.parametrize("media", [codec.JSON, codec.YAML])
def test_managed_fields_are_taken_in_templates_too(media: str) -> None:
    entry = {"manager": "m", "fieldsType": "FieldsV1", "fieldsV1": {"f:a": {}}, "time": "2020-01-01T00:00:00Z"}
    template = {"metadata": {"managedFields": [entry], "labels": {"a": None}}, "spec": {}}
    body = json.dumps({"metadata": {"name": "web"}, "spec": {"template": template}}).encode()
    made = codec.convert(codec.decode_generic(body, media), Deployment)
    assert codec.to_generic(made)["spec"]["template"]["metadata"]["managedFields"] == [entry]
