"""The declaration of the kind Pod.

Upstream: pkg/registry/core/pod, pkg/apis/core/v1.
"""

from __future__ import annotations

from kubelite.api.core.pod.columns import COLUMNS, row
from kubelite.api.core.pod.defaults import default_pod
from kubelite.api.core.pod.prepare import grace_seconds, prepare_create, prepare_status_update, prepare_update
from kubelite.api.core.pod.validation.spec import validate_pod
from kubelite.api.core.pod.validation.updates import validate_status_update, validate_update
from kubelite.api.core.pod.warnings import pod_warnings
from kubelite.api.types import core_v1 as v1
from kubelite.machinery.kind import STATUS_VERBS, Kind, Subresource

_PROXY_VERBS = ("create", "delete", "get", "patch", "update")
_STREAM_VERBS = ("create", "get")

POD = Kind(
    group="",
    version="v1",
    kind="Pod",
    plural="pods",
    type=v1.Pod,
    short_names=("po",),
    categories=("all",),
    subresources=(
        Subresource(name="attach", verbs=_STREAM_VERBS, kind="PodAttachOptions"),
        Subresource(name="binding", verbs=("create",), kind="Binding"),
        Subresource(name="ephemeralcontainers", verbs=STATUS_VERBS),
        Subresource(name="eviction", verbs=("create",), group="policy", version="v1", kind="Eviction"),
        Subresource(name="exec", verbs=_STREAM_VERBS, kind="PodExecOptions"),
        Subresource(name="log", verbs=("get",)),
        Subresource(name="portforward", verbs=_STREAM_VERBS, kind="PodPortForwardOptions"),
        Subresource(name="proxy", verbs=_PROXY_VERBS, kind="PodProxyOptions"),
        Subresource(name="resize", verbs=STATUS_VERBS),
        Subresource(name="status", verbs=STATUS_VERBS),
    ),
    set_defaults=default_pod,
    validate=validate_pod,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    warnings=pod_warnings,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status_update=prepare_status_update,
    has_generation=True,
    grace_seconds=grace_seconds,
    columns=COLUMNS,
    row=row,
    indexed="spec.nodeName",
    selectable={
        "spec.nodeName": lambda pod: pod.spec.nodeName,
        "spec.restartPolicy": lambda pod: pod.spec.restartPolicy,
        "spec.schedulerName": lambda pod: pod.spec.schedulerName,
        "spec.serviceAccountName": lambda pod: pod.spec.serviceAccountName,
        "spec.hostNetwork": lambda pod: "true" if pod.spec.hostNetwork else "false",
        "status.phase": lambda pod: pod.status.phase,
        "status.podIP": lambda pod: pod.status.podIPs[0].ip if pod.status.podIPs else pod.status.podIP,
        "status.nominatedNodeName": lambda pod: pod.status.nominatedNodeName,
        "status.podIPs": lambda pod: "",  # accepted, but no object has it (registry/core/pod/strategy.go)
        "spec.host": lambda pod: pod.spec.nodeName,  # as clients of old called spec.nodeName
    },
)
