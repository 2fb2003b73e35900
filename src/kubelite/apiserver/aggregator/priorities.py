"""Which groups and versions clients should prefer.

What: `group_priority`, `version_priority` and the keys to sort by. Why: discovery lists groups and versions in this order,
and so does `kubectl api-resources`; what extension servers add must find its place among them. Flow: the APIServices of
built-in groups carry these numbers, those of definitions `CUSTOM`; `discovery` sorts by them. Pure. Sources:
pkg/controlplane/apiserver/apis.go (DefaultGenericAPIServicePriorities), cmd/kube-apiserver/app/aggregator.go,
kube-aggregator/pkg/apis/apiregistration/v1/helper, apimachinery/pkg/version.
"""

from __future__ import annotations

import re

OWN_GROUP = "apiregistration.k8s.io"
"""Comes before all others but the core, and has no APIService: it is what the others are declared with."""
GROUPS = {
    "": 18000,
    "apps": 17800,
    "events.k8s.io": 17750,
    "authentication.k8s.io": 17700,
    "authorization.k8s.io": 17600,
    "autoscaling": 17500,
    "batch": 17400,
    "certificates.k8s.io": 17300,
    "networking.k8s.io": 17200,
    "policy": 17100,
    "rbac.authorization.k8s.io": 17000,
    "storage.k8s.io": 16800,
    "admissionregistration.k8s.io": 16700,
    "apiextensions.k8s.io": 16700,
    "scheduling.k8s.io": 16600,
    "coordination.k8s.io": 16500,
    "node.k8s.io": 16300,
    "discovery.k8s.io": 16200,
    "resource.k8s.io": 16200,
    "flowcontrol.apiserver.k8s.io": 16100,
    "internal.apiserver.k8s.io": 16000,
    "extensions": 1,
}
"""`extensions` is below all others, those of custom resources too: no client should prefer it."""
CUSTOM = (1000, 100)
"""Group and version priority of what definitions declare."""
_VERSIONS = {
    ("", "v1"): 1,
    ("autoscaling", "v2"): 30,
    ("flowcontrol.apiserver.k8s.io", "v1"): 21,
    ("internal.apiserver.k8s.io", "v1alpha1"): 9,
}
_BY_STABILITY = {0: 15, 1: 9, 2: 1}

_VERSION = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?", re.ASCII)


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Newer and more stable versions first: v2, v1, v1beta1, v1alpha1; then what is no version of that form, by name."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return 3, 0, 0, version
    rank = {"beta": 1, "alpha": 2}.get(found[2] or "", 0)
    return rank, -int(found[1]), -int(found[3] or 0), ""


def group_priority(group: str) -> int:
    """The `groupPriorityMinimum` of a group that this server serves."""
    return GROUPS.get(group, CUSTOM[0])


def version_priority(group: str, version: str) -> int:
    """The `versionPriority` of a group version that this server serves."""
    if group not in GROUPS:
        return CUSTOM[1]
    return _VERSIONS.get((group, version), _BY_STABILITY.get(version_rank(version)[0], 1))


def group_key(group: str, priority: int) -> tuple[bool, bool, int, str]:
    """Sorts groups: the core, the one of APIServices, then by priority and name."""
    return bool(group), group != OWN_GROUP, -priority, group


def version_key(version: str, priority: int) -> tuple[int, tuple[int, int, int, str]]:
    """Sorts the versions of a group."""
    return -priority, version_rank(version)
