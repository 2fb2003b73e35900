"""Discovery says what a 1.36 server says, for every stable group version.

`discovery_facts.json` is made by tools/discovery_facts.py from a real server; `CORE` are the facts of /api/v1, which that
document does not contain. Whatever is served besides (older versions) is no mistake.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from tests.apienv import ApiEnv

FACTS: dict[str, list[dict[str, Any]]] = json.loads(
    pathlib.Path(__file__).with_name("discovery_facts.json").read_text()
)
AGGREGATED = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
ALL = "create delete deletecollection get list patch update watch"
STATUS = "status get patch update"
PROXY = "proxy create delete get patch update"

CORE: tuple[tuple[str, str, str, str, str, tuple[str, ...]], ...] = (
    ("bindings", "Binding", "Namespaced", "", "create", ()),
    ("componentstatuses", "ComponentStatus", "Cluster", "cs", "get list", ()),
    ("configmaps", "ConfigMap", "Namespaced", "cm", ALL, ()),
    ("endpoints", "Endpoints", "Namespaced", "ep", ALL, ()),
    ("events", "Event", "Namespaced", "ev", ALL, ()),
    ("limitranges", "LimitRange", "Namespaced", "limits", ALL, ()),
    (
        "namespaces",
        "Namespace",
        "Cluster",
        "ns",
        "create delete get list patch update watch",
        ("finalize update", STATUS),
    ),
    ("nodes", "Node", "Cluster", "no", ALL, (PROXY, STATUS)),
    ("persistentvolumeclaims", "PersistentVolumeClaim", "Namespaced", "pvc", ALL, (STATUS,)),
    ("persistentvolumes", "PersistentVolume", "Cluster", "pv", ALL, (STATUS,)),
    (
        "pods",
        "Pod",
        "Namespaced",
        "po",
        ALL,
        (
            "attach create get",
            "binding create",
            "ephemeralcontainers get patch update",
            "eviction create",
            "exec create get",
            "log get",
            "portforward create get",
            PROXY,
            "resize get patch update",
            STATUS,
        ),
    ),
    ("podtemplates", "PodTemplate", "Namespaced", "", ALL, ()),
    (
        "replicationcontrollers",
        "ReplicationController",
        "Namespaced",
        "rc",
        ALL,
        ("scale get patch update", STATUS),
    ),
    ("resourcequotas", "ResourceQuota", "Namespaced", "quota", ALL, (STATUS,)),
    ("secrets", "Secret", "Namespaced", "", ALL, ()),
    ("serviceaccounts", "ServiceAccount", "Namespaced", "sa", ALL, ("token create",)),
    ("services", "Service", "Namespaced", "svc", ALL, (PROXY, STATUS)),
)
"""resource, kind, scope, short name, verbs, subresources with their verbs."""


async def _served(api: ApiEnv, path: str) -> dict[str, dict[str, dict[str, Any]]]:
    """group/version → resource → its row in the aggregated document."""
    document = (await api.request("GET", path, headers=AGGREGATED)).json()
    return {
        f"{group['metadata'].get('name', '')}/{version['version']}": {
            row["resource"]: row for row in version["resources"]
        }
        for group in document["items"]
        for version in group["versions"]
    }


def _normal(row: dict[str, Any]) -> dict[str, Any]:
    subresources = {
        sub["subresource"]: (tuple(sorted(sub["responseKind"].items())), sorted(sub["verbs"]))
        for sub in row.get("subresources", [])
    }
    return {
        "kind": row["responseKind"]["kind"],
        "scope": row["scope"],
        "singular": row["singularResource"],
        "short": row.get("shortNames", []),
        "categories": row.get("categories", []),
        "verbs": sorted(row["verbs"]),
        "subresources": subresources,
    }


@pytest.mark.parametrize("group_version", sorted(FACTS))
async def test_a_stable_group_version_has_the_resources_of_a_real_server(api: ApiEnv, group_version: str) -> None:
    served = (await _served(api, "/apis")).get(group_version, {})
    assert {name: _normal(row) for name, row in served.items()} == {
        row["resource"]: _normal(row) for row in FACTS[group_version]
    }


async def test_the_core_version_has_the_resources_of_a_real_server(api: ApiEnv) -> None:
    served = (await _served(api, "/api"))["/v1"]
    found = {
        (
            row["resource"],
            row["responseKind"]["kind"],
            row["scope"],
            " ".join(row.get("shortNames", [])),
            " ".join(sorted(row["verbs"])),
            tuple(f"{sub['subresource']} {' '.join(sorted(sub['verbs']))}" for sub in row.get("subresources", [])),
        )
        for row in served.values()
    }
    assert found == set(CORE)
    categories = {name: row["categories"] for name, row in served.items() if "categories" in row}
    assert categories == {name: ["all"] for name in ("pods", "replicationcontrollers", "services")}


async def test_the_plain_documents_agree_with_the_aggregated_one(api: ApiEnv) -> None:
    for group_version, resources in (await _served(api, "/apis")).items():
        plain = (await api.get(f"/apis/{group_version}")).json()["resources"]
        assert {row["name"] for row in plain if "/" not in row["name"]} == set(resources)
