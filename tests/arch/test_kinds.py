"""Every declared kind is complete, and none stands for another."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest

from kubelite.api import GATED, KINDS, gated, scheme
from kubelite.api.descriptions import describe
from kubelite.apiserver import discovery
from kubelite.machinery.kind import ALL_VERBS, Kind
from tests.arch.exceptions import UNDESCRIBED_KINDS

BEHIND_GATES = tuple(kind for gate in GATED for kind in gated(gate))
every_kind = pytest.mark.parametrize(
    "kind", (*KINDS, *BEHIND_GATES), ids=lambda kind: f"{kind.api_version}-{kind.kind}"
)
STORED = [kind for kind in (*KINDS, *BEHIND_GATES) if kind.stored and kind.stored_as is None]


def test_no_kind_is_declared_twice() -> None:
    every = (*KINDS, *BEHIND_GATES)
    names = Counter((kind.api_version, kind.kind) for kind in every)
    paths = Counter((kind.api_version, kind.plural) for kind in every if kind.verbs)
    assert [name for name, count in (names + paths).items() if count > 1] == []


def test_storage_prefixes_do_not_overlap() -> None:
    prefixes = sorted(kind.key_prefix for kind in STORED)
    assert [b for a, b in itertools.pairwise(prefixes) if b.startswith(a)] == []


def test_short_names_are_unique_among_kinds_of_one_version() -> None:
    names = Counter((kind.kind, name) for kind in KINDS for name in kind.short_names)
    owners: dict[str, set[str]] = {}
    for kind, name in names:
        owners.setdefault(name, set()).add(kind)
    assert {name: kinds for name, kinds in owners.items() if len(kinds) > 1} == {}


@every_kind
def test_a_kind_is_described(kind: Kind) -> None:
    described = bool(describe(kind.type.__name__))
    assert described != (kind.kind in UNDESCRIBED_KINDS), "describe it, or take it from the list"


@every_kind
def test_names_and_verbs_are_kubernetes_own(kind: Kind) -> None:
    assert kind.kind[0].isupper() and kind.plural == kind.plural.lower()
    assert set(kind.verbs) <= set(ALL_VERBS)
    subresources = [subresource.name for subresource in kind.subresources]
    assert len(set(subresources)) == len(subresources)
    if kind.stored and kind.verbs:
        missing = set(ALL_VERBS) - set(kind.verbs)
        assert missing <= {"deletecollection"}, "objects that are kept can be listed, watched and deleted"


@every_kind
def test_columns_have_names_and_priorities(kind: Kind) -> None:
    names = [column.name for column in kind.columns]
    assert len(set(names)) == len(names)
    assert kind.columns[0].name.lower() == "name" or not kind.verbs or kind.plural == "events"
    assert {column.priority for column in kind.columns} <= {0, 1}


def test_discovery_shows_every_served_kind_once() -> None:
    served = [kind for kind in KINDS if kind.verbs]
    documents: list[Any] = [
        discovery.resource_list(group, version, kinds)
        for group, versions in discovery.groups_of(scheme()).items()
        for version, kinds in versions.items()
    ]
    found = Counter(
        (document["groupVersion"], resource["name"])
        for document in documents
        for resource in document["resources"]
        if "/" not in resource["name"]
    )
    assert found == Counter((kind.api_version, kind.plural) for kind in served)
    for document in documents:
        for resource in document["resources"]:
            assert resource["kind"] and resource["verbs"], resource
