"""What a new cluster contains besides the API server's own objects: the Service of the DNS server, and cluster-info.

What: creates kube-system/kube-dns at the address that every pod's resolv.conf names. Why: the DNS server is a process of the
control plane, so its Service has no selector and its endpoints are written here.
"""

from __future__ import annotations

from typing import Any

from kubelite.cmd.cluster import clusterinfo
from kubelite.cmd.cluster.api import AdminApi
from kubelite.cmd.cluster.config import Config

DNS_PORT = 10053
LABELS = {"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS", "kubernetes.io/cluster-service": "true"}


def dns_objects(config: Config) -> list[tuple[str, dict[str, Any]]]:
    """(collection path, object) of the DNS Service and its endpoints."""
    meta = {"name": "kube-dns", "namespace": "kube-system", "labels": LABELS}
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": DNS_PORT},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": DNS_PORT},
    ]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"clusterIP": config.cluster_dns, "ports": ports},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**meta, "labels": {**LABELS, "kubernetes.io/service-name": "kube-dns"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [config.node_ip], "conditions": {"ready": True}}],
        "ports": [{"name": p["name"], "port": DNS_PORT, "protocol": p["protocol"]} for p in ports],
    }
    return [
        ("/api/v1/namespaces/kube-system/services", service),
        ("/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices", endpoints),
    ]


def ensure(api: AdminApi, config: Config) -> None:
    """Creates what is missing and corrects the endpoints; raises RuntimeError with the server's words if it refuses."""
    clusterinfo.ensure(api, config)
    for path, body in dns_objects(config):
        one = f"{path}/{body['metadata']['name']}"
        status, current = api.call("GET", one)
        if status == 404:
            status, answer = api.call("POST", path, body)
        elif body["kind"] == "EndpointSlice" and current["endpoints"][0]["addresses"] != [config.node_ip]:
            patch = {"endpoints": body["endpoints"]}
            status, answer = api.call("PATCH", one, patch)
        else:
            answer = current
        if status >= 400:
            raise RuntimeError(f"the API server refuses {body['kind']} kube-dns: {answer}")
