"""The custom kind that the clients of others work with."""

from __future__ import annotations

from typing import Any

GROUP = "shop.example.com"
SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["item"],
    "properties": {
        "item": {"type": "string", "minLength": 1},
        "count": {"type": "integer", "minimum": 0, "default": 1},
        "parts": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "weight": {"type": "integer"}},
            },
        },
    },
}
STATUS: dict[str, Any] = {
    "type": "object",
    "properties": {"phase": {"type": "string"}, "ready": {"type": "integer"}},
    "x-kubernetes-preserve-unknown-fields": True,
}
COLUMNS: list[dict[str, Any]] = [
    {"name": "Item", "type": "string", "jsonPath": ".spec.item"},
    {"name": "Count", "type": "integer", "jsonPath": ".spec.count"},
    {"name": "Phase", "type": "string", "jsonPath": ".status.phase", "description": "Where the order is."},
    {"name": "Wide", "type": "string", "jsonPath": ".spec.parts[*].name", "priority": 1},
]
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"orders.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {
            "plural": "orders",
            "singular": "order",
            "kind": "Order",
            "shortNames": ["od"],
            "categories": ["all", "shop"],
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "description": "Order is what a customer wants.",
                        "properties": {"spec": SPEC, "status": STATUS},
                    }
                },
                "subresources": {
                    "status": {},
                    "scale": {"specReplicasPath": ".spec.count", "statusReplicasPath": ".status.ready"},
                },
                "additionalPrinterColumns": COLUMNS,
            }
        ],
    },
}


def order(name: str, item: str = "bread", **spec: Any) -> dict[str, Any]:
    """One object of the kind."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Order",
        "metadata": {"name": name, "labels": {"app": "shop"}},
        "spec": {"item": item, **spec},
    }
