"""Objects print as kubectl prints them."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.cli import printers
from kubelite.cli.failures import CliError
from kubelite.cli.printers import yaml
from kubelite.cli.printers.table import Look, Rows

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "default", "managedFields": [{}]},
    "spec": {"containers": [{"name": "a"}, {"name": "b"}]},
}
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("yes", '"yes"'),
        ("y", '"y"'),
        ("1e3", '"1e3"'),
        ("0644", '"0644"'),
        ("1_000", '"1_000"'),
        ("1:20", '"1:20"'),
        ("2020-01-01", '"2020-01-01"'),
        ("null", '"null"'),
        ("", '""'),
        ("plain", "plain"),
        ("=", "="),
        ("a: b", "'a: b'"),
        ("it's: x", "'it''s: x'"),
        ("- x", "'- x'"),
        ("#c", "'#c'"),
        (" x", "' x'"),
        ("tab\there", '"tab\\there"'),
        ("é", "é"),
        ("x\ny", "|-\n  x\n  y"),
        ("a\n\n b ", '"a\\n\\n b "'),
        (1.5, "1.5"),
        (3.0, "3"),
        (None, "null"),
        ([], "[]"),
        ({}, "{}"),
        ([1], "\n- 1"),
    ],
)
def test_yaml_chooses_the_style_that_go_yaml_chooses(value: Any, text: str) -> None:
    assert yaml.render({"k": value}).removesuffix("\n") == f"k:{'' if text.startswith(chr(10)) else ' '}{text}"


def test_yaml_orders_keys_as_go_yaml_does() -> None:
    assert list(yaml.render({"a10": 1, "a9": 1, "A": 1, "a": 1, "a-b": 1}).split()) == [
        "A:", "1", "a:", "1", "a-b:", "1", "a9:", "1", "a10:", "1"
    ]  # fmt: skip


def test_json_sorts_indents_and_escapes() -> None:
    text = printers.make("json")({"b": "<&>", "a": "é"})
    assert text == '{\n    "a": "é",\n    "b": "\\u003c\\u0026\\u003e"\n}\n'


@pytest.mark.parametrize(
    ("output", "obj", "text"),
    [
        ("name", POD, "pod/web\n"),
        ("name", DEPLOYMENT, "deployment.apps/web\n"),
        ("name", {"kind": "List", "items": [POD, DEPLOYMENT]}, "pod/web\ndeployment.apps/web\n"),
        ("jsonpath={.spec.containers[*].name}", POD, "a b"),
        ("jsonpath={.nope}", POD, ""),
        (
            "custom-columns=NAME:.metadata.name,C:.spec.containers[*].name,N:.nope",
            POD,
            "NAME   C     N\nweb    a,b   <none>\n",
        ),
        ("custom-columns=NAME:metadata.name", {"items": [POD, DEPLOYMENT]}, "NAME\nweb\nweb\n"),
    ],
)
def test_formats(output: str, obj: dict[str, Any], text: str) -> None:
    assert printers.make(output)(obj) == text


def test_managed_fields_are_left_out_unless_asked_for() -> None:
    assert "managedFields" not in printers.make("yaml")(POD)
    assert "managedFields" in printers.make("yaml", show_managed=True)(POD)


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("foo", 'unable to match a printer suitable for the output format "foo"'),
        (
            "go-template={{.x",
            "error parsing template {{.x, template: output:1: unclosed action",
        ),
        ("jsonpath=", "template format specified but no template given"),
        ("custom-columns=", "custom-columns format specified but no custom columns given"),
        ("custom-columns=x", "unexpected custom-columns spec: x, expected <header>:<json-path-expr>"),
    ],
)
def test_refuses_formats_by_name(output: str, text: str) -> None:
    with pytest.raises(CliError) as caught:
        printers.make(output)
    assert text in str(caught.value)


def test_tables_show_the_columns_asked_for() -> None:
    columns = [{"name": "Name", "format": "name"}, {"name": "Age"}, {"name": "Node", "priority": 1}]
    metadata = {"namespace": "ns", "labels": {"app": "x", "b": "c"}}
    table = {"columnDefinitions": columns, "rows": [{"cells": ["web", "5s", None], "object": {"metadata": metadata}}]}
    assert Rows(Look()).render([table]) == "NAME   AGE\nweb    5s\n"
    assert Rows(Look(wide=True)).render([table]) == "NAME   AGE   NODE\nweb    5s    <nil>\n"
    assert Rows(Look(namespace=True, kind="pod", headers=False)).render([table]) == "ns    pod/web   5s\n"
    labelled = Look(labels=True, label_columns=("x/app", "app"))
    assert Rows(labelled).render([table]) == "NAME   AGE   APP   APP   LABELS\nweb    5s          x     app=x,b=c\n"
