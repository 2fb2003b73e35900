"""`config set`: properties of a kubeconfig document, named by a path."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.cli.failures import CliError
from kubelite.cli.verbs.config.properties import change


def _document() -> dict[str, Any]:
    return {"clusters": [], "users": [], "contexts": []}


@pytest.mark.parametrize(
    ("path", "text", "section", "written"),
    [
        ("clusters.b.server", "x", "clusters", [{"name": "b", "cluster": {"server": "x"}}]),
        ("clusters.a.disable-compression", "true", "clusters", [{"name": "a", "cluster": {"disable-compression": True}}]),
        ("users.a.b.token", "t", "users", [{"name": "a.b", "user": {"token": "t"}}]),
        ("users.u.act-as", "me", "users", [{"name": "u", "user": {"as": "me"}}]),
        ("users.u.client-key-data", "YWJj", "users", [{"name": "u", "user": {"client-key-data": "YWJj"}}]),
        ("contexts.c.namespace", "n", "contexts", [{"name": "c", "context": {"namespace": "n"}}]),
        ("current-context", "c", "current-context", "c"),
        ("preferences.colors", "true", "preferences", {"colors": True}),
    ],
)  # fmt: skip
def test_a_property_is_set_in_its_entry(path: str, text: str, section: str, written: object) -> None:
    document = _document()
    change(document, path, text, raw=False)
    assert document[section] == written


def test_entries_stay_sorted_and_raw_bytes_are_encoded() -> None:
    document = _document()
    change(document, "clusters.b.server", "x", raw=False)
    change(document, "clusters.a.certificate-authority-data", "abc", raw=True)
    assert [one["name"] for one in document["clusters"]] == ["a", "b"]
    assert document["clusters"][0]["cluster"] == {"certificate-authority-data": "YWJj"}


@pytest.mark.parametrize(
    ("path", "text", "complaint"),
    [
        ("a", "b", r"unable to parse a after \[\] at api.Config"),
        ("clusters", "b", "no single field"),
        ("clusters.a", "b", "no single field"),
        ("clusters.a.nope", "b", '"nope" is no field of clusters'),
        ("users.u.exec.command", "b", '"command" is no field of users'),
        ("users.u.client-key-data", "abc", "error decoding input value"),
        ("clusters.b.insecure-skip-tls-verify", "maybe", 'strconv.ParseBool: parsing "maybe": invalid syntax'),
    ],
)
def test_what_is_no_property_is_refused(path: str, text: str, complaint: str) -> None:
    document = _document()
    with pytest.raises(CliError, match=complaint):
        change(document, path, text, raw=False)
    assert document == _document()
