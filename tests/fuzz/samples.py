"""Right objects of the kinds, and the state that a run begins with and comes back to.

What: `right_objects()` by collection, `base_state()` the requests that make or repair what the generated requests need. Why:
random requests delete namespaces and write policies that refuse everything; soon nothing deep would be reached. Flow: the
engine sends the base state at the start and every few hundred requests.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.fuzz.definitions import BINDINGS, CRDS, GROUP, PLURALS, POLICIES
from tests.fuzz.words import NAMESPACES
from tests.integration.apiserver.kind_samples import SAMPLES
from tests.integration.apiserver.workload_samples import WORKLOADS
from tests.integration.bad_input.objects import VALID

HOOKS = "/apis/admissionregistration.k8s.io/v1"
REFUSERS = (BINDINGS, POLICIES, f"{HOOKS}/mutatingwebhookconfigurations", f"{HOOKS}/validatingwebhookconfigurations")
QUOTAS = ("resourcequotas", "limitranges")
SAFE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "replicas": {"type": "integer", "default": 1, "minimum": -5},
                "items": {
                    "type": "array",
                    "maxItems": 10,
                    "items": {
                        "type": "object",
                        "properties": {"name": {"type": "string", "maxLength": 50}},
                        "required": ["name"],
                    },
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                },
            },
            "x-kubernetes-validations": [{"rule": "!has(self.replicas) || self.replicas < 1000"}],
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "a": {"x-kubernetes-preserve-unknown-fields": True},
    },
}


@cache
def right_objects() -> dict[str, tuple[dict[str, Any], ...]]:
    """By collection path with `{namespace}`: objects that the server takes."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path, obj in VALID.values():
        found.setdefault(path.replace("/namespaces/test", "/namespaces/{namespace}"), []).append(obj)
    for sample in (*SAMPLES.values(), *WORKLOADS.values()):
        path = sample.path.replace("/namespaces/test", "/namespaces/{namespace}")
        found.setdefault(path.replace("/namespaces/default", "/namespaces/{namespace}"), []).append(sample.document())
    return {path: tuple(objects) for path, objects in found.items()}


def _definition(plural: str) -> dict[str, Any]:
    kind = plural.capitalize()[:-1]
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    version = {
        "served": True,
        "schema": {"openAPIV3Schema": SAFE_SCHEMA},
        "subresources": {"status": {}, "scale": scale},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [{"name": "v1", "storage": True, **version}, {"name": "v2", "storage": False, **version}],
        },
    }


def base_state() -> list[tuple[str, str, Any]]:
    """(method, path, body): what no longer is wanted goes, what is missing comes. Failures do not matter."""
    steps: list[tuple[str, str, Any]] = [("DELETE", path, None) for path in REFUSERS]
    for namespace in NAMESPACES:
        one = f"/api/v1/namespaces/{namespace}"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}, "spec": {"finalizers": []}}
        steps.append(("PUT?terminating", f"{one}/finalize", body))
        steps.append(("POST", "/api/v1/namespaces", {**body, "spec": {}}))
        steps += [("DELETE", f"{one}/{quota}", None) for quota in QUOTAS]
    for plural in PLURALS:
        steps.append(("POST", CRDS, _definition(plural)))
    return steps


def seeds() -> list[tuple[str, str, Any]]:
    """One object of every kind, and the custom ones."""
    steps: list[tuple[str, str, Any]] = []
    for path, objects in right_objects().items():
        place = path.replace("{namespace}", "test")
        for obj in objects[:1]:
            named = {**obj, "metadata": {**obj["metadata"], "name": _name(obj)}}
            if not any(place == refuser for refuser in REFUSERS):
                steps.append(("POST", place, named))
    return steps


def _name(obj: dict[str, Any]) -> str:
    kept = ("CustomResourceDefinition", "APIService")
    return str(obj["metadata"]["name"]) if obj.get("kind") in kept or "." in obj["metadata"]["name"] else "seeded"
