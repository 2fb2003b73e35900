"""What everybody may know about the cluster: its address and its authority, in ConfigMap cluster-info of kube-public.

What: the ConfigMap, and the right to read it without a name. Why: a machine that has only a bootstrap token finds the cluster
with it; the controller manager signs it with each token. Source: kubeadm's bootstrap-token phase, the document of kubernetes.io
"Authenticating with Bootstrap Tokens".
"""

from __future__ import annotations

import base64
import json
from typing import Any

from kubelite.cmd.cluster import certificates
from kubelite.cmd.cluster.api import AdminApi
from kubelite.cmd.cluster.config import Config, Paths

NAMESPACE, NAME = "kube-public", "cluster-info"
ROLE = "kubeadm:bootstrap-signer-clusterinfo"
RBAC = "rbac.authorization.k8s.io"


def kubeconfig(config: Config) -> str:
    """A kubeconfig with a cluster and nobody in it, as JSON (which is YAML)."""
    authority = base64.b64encode((Paths.pki / "ca.crt").read_bytes()).decode()
    cluster = {"server": certificates.server_url(config), "certificate-authority-data": authority}
    document = {"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "", "cluster": cluster}]}
    return json.dumps({**document, "contexts": None, "users": None, "current-context": "", "preferences": {}}) + "\n"


def objects(config: Config) -> list[tuple[str, dict[str, Any]]]:
    """(collection path, object) of all there is to create."""
    rbac = f"/apis/{RBAC}/v1/namespaces/{NAMESPACE}"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [NAME], "verbs": ["get"]}
    binding = {
        "metadata": {"name": ROLE},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": ROLE},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "system:anonymous"}],
    }
    return [
        (
            f"/api/v1/namespaces/{NAMESPACE}/configmaps",
            {"metadata": {"name": NAME}, "data": {"kubeconfig": kubeconfig(config)}},
        ),
        (f"{rbac}/roles", {"metadata": {"name": ROLE}, "rules": [rule]}),
        (f"{rbac}/rolebindings", binding),
    ]


def ensure(api: AdminApi, config: Config) -> None:
    """Creates what is missing and corrects the address; raises RuntimeError with the server's words if it refuses."""
    for path, body in objects(config):
        name = body["metadata"]["name"]
        status, answer = api.call("GET", f"{path}/{name}")
        if status == 404:
            status, answer = api.call("POST", path, body)
        elif "data" in body and answer.get("data", {}).get("kubeconfig") != body["data"]["kubeconfig"]:
            status, answer = api.call("PATCH", f"{path}/{name}", {"data": body["data"]})
        if status >= 400:
            raise RuntimeError(f"the API server refuses {name}: {answer}")
