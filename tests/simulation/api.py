"""Plain JSON over the product's client: what simulated people and kubelets speak."""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.client.client import Client

GROUPS = {
    "pods": "/api/v1",
    "services": "/api/v1",
    "configmaps": "/api/v1",
    "limitranges": "/api/v1",
    "persistentvolumes": "/api/v1",
    "persistentvolumeclaims": "/api/v1",
    "storageclasses": "/apis/storage.k8s.io/v1",
    "priorityclasses": "/apis/scheduling.k8s.io/v1",
    "resourcequotas": "/api/v1",
    "nodes": "/api/v1",
    "namespaces": "/api/v1",
    "deployments": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "daemonsets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
    "cronjobs": "/apis/batch/v1",
    "poddisruptionbudgets": "/apis/policy/v1",
    "leases": "/apis/coordination.k8s.io/v1",
}
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


def path_of(plural: str, namespace: str = "", name: str = "", part: str = "") -> str:
    """The URL path of a collection, an object or a subresource."""
    place = f"{GROUPS[plural]}/namespaces/{namespace}" if namespace else GROUPS[plural]
    return "/".join(word for word in (place, plural, name, part) if word)


class Api:
    """Requests with dicts; raises what the client raises."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def _send(self, method: str, path: str, body: Any = None, media: str = "application/json") -> Any:
        data = b"" if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": media} if data else None
        answer = await self.client.request(method, path, body=data, headers=headers)
        return msgspec.json.decode(answer.body)

    async def get(self, plural: str, namespace: str = "", name: str = "") -> Any:
        return await self._send("GET", path_of(plural, namespace, name))

    async def create(self, plural: str, body: Any, namespace: str = "", name: str = "", part: str = "") -> Any:
        return await self._send("POST", path_of(plural, namespace, name, part), body)

    async def replace(self, plural: str, body: Any, namespace: str, name: str) -> Any:
        return await self._send("PUT", path_of(plural, namespace, name), body)

    async def patch(self, plural: str, body: Any, namespace: str, name: str, part: str = "", media: str = MERGE) -> Any:
        return await self._send("PATCH", path_of(plural, namespace, name, part), body, media)

    async def delete(self, plural: str, namespace: str, name: str, **options: Any) -> Any:
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **options}
        return await self._send("DELETE", path_of(plural, namespace, name), body)
