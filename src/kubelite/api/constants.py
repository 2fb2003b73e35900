"""Names, numbers and addresses that several processes must agree on. Defaults only: each can be set by a flag."""

from __future__ import annotations

from typing import Final

SERVICE_CIDR: Final = "10.96.0.0/16"
KUBERNETES_SERVICE_IP: Final = "10.96.0.1"
CLUSTER_DNS_IP: Final = "10.96.0.10"
POD_CIDR: Final = "10.244.0.0/16"
NODE_POD_PREFIX: Final = 24
NODE_PORT_FIRST: Final = 30000
NODE_PORT_LAST: Final = 32767
CLUSTER_DOMAIN: Final = "cluster.local"

APISERVER_PORT: Final = 6443
KUBELET_PORT: Final = 10250
KUBELET_HEALTHZ_PORT: Final = 10248
SCHEDULER_PORT: Final = 10259
CONTROLLER_MANAGER_PORT: Final = 10257
CLOUD_CONTROLLER_MANAGER_PORT: Final = 10258
PROXY_METRICS_PORT: Final = 10249
PROXY_HEALTHZ_PORT: Final = 10256

NAMESPACE_DEFAULT: Final = "default"
NAMESPACE_SYSTEM: Final = "kube-system"
NAMESPACE_PUBLIC: Final = "kube-public"
NAMESPACE_NODE_LEASE: Final = "kube-node-lease"

ETC: Final = "/etc/kubelite"
LIB: Final = "/var/lib/kubelite"
RUN: Final = "/run/kubelite"
LOG: Final = "/var/log/kubelite"
CONTAINERD_SOCKET: Final = "/run/kubelite/containerd/containerd.sock"
PAUSE_IMAGE: Final = "kubelite.local/pause:1"
KUBERNETES_VERSION: Final = "v1.36.0"
