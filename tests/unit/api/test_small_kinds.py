"""Defaults, validation and rows of the kinds without a logic of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kubelite.api import scheme
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind

NOW = datetime(2026, 1, 1, 1, tzinfo=UTC)
BORN = "2026-01-01T00:00:00Z"


def _kind(name: str) -> Kind:
    found = scheme().by_name(name)
    assert found is not None
    return found


def _made(kind: Kind, document: dict[str, Any]) -> Any:
    metadata = {"name": "a", "namespace": "ns" if kind.namespaced else "", "creationTimestamp": BORN}
    obj = codec.convert({**document, "metadata": {**metadata, **document.get("metadata", {})}}, kind.type)
    kind.set_defaults(obj)
    return obj


def _mistakes(name: str, document: dict[str, Any]) -> list[str]:
    kind = _kind(name)
    return [str(error) for error in kind.validate(_made(kind, document))]


def _changes(name: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    kind = _kind(name)
    return [str(error) for error in kind.validate_update(_made(kind, new), _made(kind, old))]


def _row(name: str, document: dict[str, Any]) -> list[Any]:
    kind = _kind(name)
    assert kind.row is not None
    return kind.row(_made(kind, document), NOW)


READY = {"type": "Ready", "status": "True"}


@pytest.mark.parametrize(
    ("name", "document", "cells"),
    [
        ("namespace", {}, ["a", "Active", "60m"]),
        ("configmap", {"data": {"x": "y"}, "binaryData": {"b": "eA=="}}, ["a", 2, "60m"]),
        ("secret", {"stringData": {"x": "y"}}, ["a", "Opaque", 1, "60m"]),
        ("serviceaccount", {}, ["a", 0, "60m"]),
        ("lease", {"spec": {"holderIdentity": "me"}}, ["a", "me", "60m"]),
        ("role", {}, ["a", BORN]),
        (
            "rolebinding",
            {
                "roleRef": {"kind": "Role", "name": "r"},
                "subjects": [
                    {"kind": "User", "name": "u"},
                    {"kind": "Group", "name": "g"},
                    {"kind": "ServiceAccount", "name": "s", "namespace": "n"},
                ],
            },
            ["a", "Role/r", "60m", "u", "g", "n/s"],
        ),
        ("priorityclass", {"value": 5}, ["a", 5, False, "60m", "PreemptLowerPriority"]),
        (
            "controllerrevision",
            {
                "revision": 3,
                "metadata": {
                    "ownerReferences": [
                        {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "1", "controller": True}
                    ]
                },
            },
            ["a", "statefulset.apps/web", 3, "60m"],
        ),
        (
            "endpoints",
            {"subsets": [{"addresses": [{"ip": f"10.0.0.{i}"} for i in range(1, 6)], "ports": [{"port": 80}]}]},
            ["a", "10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 2 more...", "60m"],
        ),
        ("endpoints", {}, ["a", "<none>", "60m"]),
        (
            "endpointslice",
            {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"port": 80}, {"name": "x"}]},
            ["a", "IPv4", "80,x", "10.0.0.1", "60m"],
        ),
        ("endpointslice", {"addressType": "IPv4"}, ["a", "IPv4", "<unset>", "<unset>", "60m"]),
        (
            "node",
            {
                "metadata": {"labels": {"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "master"}},
                "spec": {"unschedulable": True},
                "status": {
                    "conditions": [READY],
                    "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
                    "nodeInfo": {"kubeletVersion": "v1", "osImage": "Debian", "kernelVersion": "6"},
                },
            },
            [
                "a",
                "Ready,SchedulingDisabled",
                "master,worker",
                "60m",
                "v1",
                "10.0.0.1",
                "<none>",
                "Debian",
                "6",
                "<unknown>",
            ],
        ),
        (
            "event",
            {
                "type": "Warning",
                "reason": "Failed",
                "message": " no \n",
                "involvedObject": {"kind": "Pod", "name": "p"},
                "source": {"component": "kubelet", "host": "n1"},
                "firstTimestamp": BORN,
                "lastTimestamp": "2026-01-01T00:59:50Z",
                "count": 4,
            },
            ["10s", "Warning", "Failed", "pod/p", "", "kubelet, n1", "no", "60m", 4, "a"],
        ),
    ],
)
def test_rows_show_what_kubectl_shows(name: str, document: dict[str, Any], cells: list[Any]) -> None:
    assert _row(name, document) == cells


@pytest.mark.parametrize(
    ("conditions", "status"),
    [([], "Unknown"), ([{"type": "Ready", "status": "Unknown"}], "NotReady"), ([READY], "Ready")],
)
def test_a_node_is_ready_when_its_condition_says_so(conditions: list[dict[str, str]], status: str) -> None:
    assert _row("node", {"status": {"conditions": conditions}})[1] == status


@pytest.mark.parametrize(
    ("name", "document", "mistakes"),
    [
        ("configmap", {"data": {"ok": ""}}, []),
        ("configmap", {"data": {"a": "x" * (1 << 20), "b": "y"}}, ["[]: Too long: may not be more than 1048576 bytes"]),
        (
            "configmap",
            {"data": {"k": "1"}, "binaryData": {"k": "eA=="}},
            [
                'data[k]: Invalid value: "k": duplicate of key present in binaryData',
                'binaryData[k]: Invalid value: "k": duplicate of key present in data',
            ],
        ),
        ("secret", {"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}, ["data[tls.key]: Required value"]),
        (
            "secret",
            {"type": "kubernetes.io/service-account-token"},
            ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
        ),
        (
            "secret",
            {"type": "kubernetes.io/basic-auth"},
            ["data[username]: Required value", "data[password]: Required value"],
        ),
        ("secret", {"type": "kubernetes.io/basic-auth", "stringData": {"username": "u"}}, []),
        (
            "lease",
            {"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1, "preferredHolder": "x"}},
            [
                "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
                "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
                "spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined",
            ],
        ),
        (
            "role",
            {"rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}, {"resources": ["pods"], "apiGroups": [""]}]},
            [
                'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
                "rules[1].verbs: Required value: verbs must contain at least one value",
            ],
        ),
        ("clusterrole", {"rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}]}, []),
        (
            "clusterrolebinding",
            {"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "ServiceAccount", "name": "s"}]},
            [
                'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
                "subjects[0].namespace: Required value",
            ],
        ),
        (
            "rolebinding",
            {"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "Team", "name": "t"}]},
            ['subjects[0].kind: Unsupported value: "Team": supported values: "ServiceAccount", "User", "Group"'],
        ),
        (
            "priorityclass",
            {"preemptionPolicy": "Maybe"},
            ['preemptionPolicy: Unsupported value: "Maybe": supported values: "PreemptLowerPriority", "Never"'],
        ),
        (
            "priorityclass",
            {"value": 2_000_000_000},
            ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
        ),
        (
            "priorityclass",
            {"metadata": {"name": "system-x"}},
            [
                "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. "
                "error: system-x is not a known system priority class"
            ],
        ),
        ("priorityclass", {"metadata": {"name": "system-node-critical"}, "value": 2_000_001_000}, []),
        ("controllerrevision", {}, ["data: Required value: data is mandatory"]),
        (
            "endpoints",
            {"subsets": [{}]},
            ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"],
        ),
        (
            "endpoints",
            {"subsets": [{"addresses": [{"ip": "127.0.0.1"}, {"ip": "x"}]}]},
            [
                'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
                'subsets[0].addresses[1].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
            ],
        ),
        (
            "endpointslice",
            {"addressType": "IPv6", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{}, {}]},
            [
                'endpoints[0].addresses[0]: Invalid value: "10.0.0.1": must be a valid IPv6 address',
                'ports[1].name: Duplicate value: ""',
            ],
        ),
        (
            "node",
            {"spec": {"taints": [{"key": "k", "effect": "Bogus"}]}, "status": {"capacity": {"cpu": "-1"}}},
            [
                'spec.taints[0].effect: Unsupported value: "Bogus": supported values: '
                '"NoSchedule", "PreferNoSchedule", "NoExecute"',
                'status.capacity[cpu]: Invalid value: "-1": must be greater than or equal to 0',
                'status.allocatable[cpu]: Invalid value: "-1": must be greater than or equal to 0',
            ],
        ),
        (
            "event",
            {"involvedObject": {"namespace": "other"}},
            ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
        ),
    ],
)
def test_mistakes_are_reported_in_upstreams_words(name: str, document: dict[str, Any], mistakes: list[str]) -> None:
    assert _mistakes(name, document) == mistakes


ROLE_REF = {"kind": "Role", "name": "r"}


@pytest.mark.parametrize(
    ("name", "old", "new", "mistakes"),
    [
        (
            "secret",
            {"immutable": True, "data": {"a": "eA=="}},
            {"immutable": True, "data": {}},
            ["data: Forbidden: field is immutable when `immutable` is set"],
        ),
        ("secret", {}, {"type": "x"}, ['type: Invalid value: "x": field is immutable']),
        (
            "configmap",
            {"immutable": True},
            {"data": {"a": ""}},
            [
                "immutable: Forbidden: field is immutable when `immutable` is set",
                "data: Forbidden: field is immutable when `immutable` is set",
            ],
        ),
        ("configmap", {"data": {"a": ""}}, {"immutable": True}, []),
        (
            "rolebinding",
            {"roleRef": ROLE_REF},
            {"roleRef": {**ROLE_REF, "name": "s"}},
            [
                'roleRef: Invalid value: {"kind":"Role","apiGroup":"rbac.authorization.k8s.io","name":"s"}: cannot change roleRef'
            ],
        ),
        ("priorityclass", {"value": 1}, {"value": 2}, ["value: Forbidden: may not be changed in an update."]),
        (
            "endpointslice",
            {"addressType": "IPv4"},
            {"addressType": "IPv6"},
            ['addressType: Invalid value: "IPv6": field is immutable'],
        ),
        (
            "node",
            {"spec": {"podCIDR": "10.0.0.0/24", "providerID": "x"}},
            {"spec": {"podCIDR": "10.1.0.0/24", "providerID": "y"}},
            [
                'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
                'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
            ],
        ),
    ],
)
def test_what_is_fixed_cannot_change(name: str, old: dict[str, Any], new: dict[str, Any], mistakes: list[str]) -> None:
    assert _changes(name, old, new) == mistakes


@pytest.mark.parametrize("value", ["a", "a===", "ä", "a b="])
def test_bytes_that_are_no_base64_do_not_decode(value: str) -> None:
    with pytest.raises(StatusError) as caught:
        _made(_kind("secret"), {"data": {"k": value}})
    assert caught.value.code == 400
    assert "illegal base64 data at input byte" in caught.value.message


def test_node_amounts_are_canonical_and_allocatable_by_default() -> None:
    node = _made(_kind("node"), {"status": {"capacity": {"memory": "1024Mi", "cpu": 2, "x/y": "0.1m"}}})
    assert node.status.capacity == node.status.allocatable == {"memory": "1Gi", "cpu": "2", "x/y": "1m"}


def test_an_update_of_a_namespace_touches_neither_finalizers_nor_phase() -> None:
    kind = _kind("namespace")
    old = _made(kind, {})
    kind.prepare_create(old)
    assert old.spec.finalizers == ["kubernetes"]
    new = _made(kind, {"status": {"phase": "Terminating"}})
    kind.prepare_update(new, old)
    assert (new.spec.finalizers, new.status.phase) == (["kubernetes"], "Active")
    assert new.metadata.labels == {"kubernetes.io/metadata.name": "a"}


def test_events_pass_between_their_two_versions_without_loss() -> None:
    newer = scheme().by_kind("events.k8s.io/v1", "Event")
    assert newer is not None and newer.to_stored is not None and newer.from_stored is not None
    document = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "ns"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "x",
        "reportingInstance": "y",
        "action": "Do",
        "reason": "Because",
        "note": "text",
        "type": "Normal",
        "regarding": {"kind": "Pod", "name": "p", "namespace": "ns"},
        "series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"},
    }
    event = codec.convert(document, newer.type)
    stored = newer.to_stored(event)
    assert (stored.message, stored.involvedObject.name, stored.series.count) == ("text", "p", 2)
    assert newer.validate(stored) == []
    assert codec.to_generic(newer.from_stored(stored)) == document
    stored.type = "Odd"
    stored.count = 1
    assert [str(error) for error in newer.validate(stored)] == [
        'type: Invalid value: "": has invalid value: Odd',
        'count: Invalid value: "": needs to be unset',
    ]


def test_a_token_lives_ten_minutes_at_least() -> None:
    kind = scheme().by_kind("authentication.k8s.io/v1", "TokenRequest")
    assert kind is not None
    request = _made(kind, {})
    assert request.spec.expirationSeconds == 3600
    request.spec.expirationSeconds = 5
    assert [error.text for error in kind.validate(request)] == [
        "Invalid value: 5: may not specify a duration less than 10 minutes"
    ]
