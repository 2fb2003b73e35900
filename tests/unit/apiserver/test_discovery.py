"""Discovery documents, compared with those of a real server where these facts are at hand."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from kubelite import api
from kubelite.apiserver.discovery import aggregated, group_document, groups_of, resource_list

FACTS = pathlib.Path(__file__).resolve().parents[3].parent / "shared" / "facts" / "discovery-v1.36.json"


def ours() -> dict[tuple[str, str, str], dict[str, Any]]:
    document = aggregated("v2", groups_of(api.scheme()))
    return {
        (item["metadata"].get("name", ""), version["version"], resource["resource"]): resource
        for item in document["items"]
        for version in item["versions"]
        for resource in version["resources"]
    }


@pytest.mark.skipif(not FACTS.exists(), reason="the recorded discovery of a real server is not at hand")
def test_every_kind_is_described_as_a_real_server_describes_it() -> None:
    mine = ours()
    different = {}
    for item in json.loads(FACTS.read_text())["items"]:
        for version in item["versions"]:
            for theirs in version["resources"]:
                key = (item["metadata"]["name"], version["version"], theirs["resource"])
                if key in mine and mine[key] != theirs:
                    different[key] = (mine[key], theirs)
    assert different == {}


def test_groups_come_in_the_order_that_clients_prefer() -> None:
    groups = list(groups_of(api.scheme()))
    assert groups[0] == ""
    assert groups.index("apps") < groups.index("rbac.authorization.k8s.io") < groups.index("discovery.k8s.io")


def test_subresources_stand_beside_their_resource_in_the_plain_list() -> None:
    kinds = groups_of(api.scheme())[""]["v1"]
    rows = {row["name"]: row for row in resource_list("", "v1", kinds)["resources"]}
    assert rows["pods"]["shortNames"] == ["po"]
    assert rows["pods/log"] == {
        "name": "pods/log",
        "singularName": "",
        "namespaced": True,
        "kind": "Pod",
        "verbs": ["get"],
    }
    assert (rows["pods/eviction"]["group"], rows["pods/eviction"]["kind"]) == ("policy", "Eviction")


def test_a_group_prefers_its_first_version() -> None:
    assert group_document("apps", ["v1"])["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}


def theirs() -> set[tuple[str, str, str]]:
    return {
        (item["metadata"]["name"], version["version"], resource["resource"])
        for item in json.loads(FACTS.read_text())["items"]
        for version in item["versions"]
        for resource in version["resources"]
    }


OLDER = {
    (kind.group, kind.version, kind.plural) for kind in api.KINDS if kind.stored_as is not None and kind.deprecation
}


@pytest.mark.skipif(not FACTS.exists(), reason="the recorded discovery of a real server is not at hand")
def test_what_is_served_beyond_a_real_server_are_old_versions_only() -> None:
    assert {key for key in ours() if key[0]} - theirs() == OLDER


@pytest.mark.parametrize("group", ["apps", "autoscaling", "batch", "networking.k8s.io", "policy"])
@pytest.mark.skipif(not FACTS.exists(), reason="the recorded discovery of a real server is not at hand")
def test_the_stable_versions_of_a_group_lack_nothing(group: str) -> None:
    assert {key for key in theirs() if key[0] == group and "beta" not in key[1]} - ours().keys() == set()


def test_old_versions_are_listed_and_preferred_by_nobody() -> None:
    groups = groups_of(api.scheme())
    assert list(groups)[-1] == "extensions"
    for group, version, plural in OLDER:
        assert plural in [kind.plural for kind in groups[group][version]]
        assert group == "extensions" or next(iter(groups[group])) != version
    for kind in api.KINDS:
        if (kind.group, kind.version, kind.plural) in OLDER:
            assert kind.short_names == kind.categories == ()
            assert api.scheme().by_name(kind.plural) is kind.stored_as
