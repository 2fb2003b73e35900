"""Rules and rows of the kinds that extend, protect and equip a cluster: upstream's words for upstream's mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api import scheme
from kubelite.api.certificates.certificate_signing_request import set_requester, validate_signer_name
from kubelite.api.flowcontrol import mandatory
from kubelite.api.types.flowcontrol_v1 import FlowSchema, PriorityLevelConfiguration
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.machinery import codec
from kubelite.machinery.fielderrors import Path
from kubelite.machinery.kind import Kind
from tests.unit.api.objects import NOW

Document = dict[str, Any]
BORN = "2026-01-01T11:00:00Z"
RULE = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
SPEC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
CSI = {"csi": {"driver": "d.example.com", "volumeHandle": "h"}}
VOLUME = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
SLICE = {"driver": "d.example.com", "pool": {"name": "p", "resourceSliceCount": 1}, "nodeName": "n"}
ASKED = {"devices": {"requests": [{"name": "a", "exactly": {"deviceClassName": "c"}}]}}


def kind_of(name: str) -> Kind:
    found = scheme().by_name(name)
    assert found is not None, name
    return found


def made(name: str, document: Document) -> Any:
    """The typed object, with its defaults."""
    metadata = {"name": "a", "creationTimestamp": BORN, **document.get("metadata", {})}
    obj = codec.convert({**document, "metadata": metadata}, kind_of(name).type)
    kind_of(name).set_defaults(obj)
    return obj


def mistakes(name: str, document: Document) -> list[str]:
    return [str(error) for error in kind_of(name).validate(made(name, document))]


def webhook(**more: Any) -> Document:
    base = {"name": "a.b.c", "clientConfig": {"url": "https://h/p"}, "sideEffects": "None"}
    return {"webhooks": [{**base, "admissionReviewVersions": ["v1"], "rules": [RULE], **more}]}


def definition(**spec: Any) -> Document:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    names = {"plural": "things", "kind": "Thing"}
    base = {"group": "example.com", "scope": "Cluster", "names": names, "versions": [version]}
    return {"metadata": {"name": "things.example.com"}, "spec": {**base, **spec}}


WRONG: list[tuple[str, Document, str]] = [
    ("mutatingwebhookconfigurations", webhook(clientConfig={}), "clientConfig: Required value: exactly one of url or"),
    (
        "mutatingwebhookconfigurations",
        webhook(clientConfig={"url": "http://h"}),
        "'https' is the only allowed URL scheme",
    ),
    (
        "validatingwebhookconfigurations",
        webhook(admissionReviewVersions=["v9"]),
        "must include at least one of v1, v1beta1",
    ),
    (
        "validatingwebhookconfigurations",
        webhook(matchConditions=[{"name": "x"}]),
        "matchConditions[0].expression: Required",
    ),
    ("validatingadmissionpolicies", {"spec": {}}, "spec.matchConstraints: Required value"),
    (
        "validatingadmissionpolicies",
        {"spec": {"paramKind": {"apiVersion": "a/b/c", "kind": "K"}}},
        "unexpected GroupVersion string: a/b/c",
    ),
    (
        "validatingadmissionpolicies",
        {"spec": {"variables": [{"name": "in", "expression": "1"}]}},
        'spec.variables[0].name: Invalid value: "in": name is not a valid CEL identifier',
    ),
    (
        "validatingadmissionpolicies",
        {"spec": {"validations": [{"expression": "true", "message": "a\nb"}]}},
        "message must not contain line breaks",
    ),
    (
        "mutatingadmissionpolicies",
        {"spec": {"matchConstraints": {"resourceRules": [{**RULE, "operations": ["DELETE"]}]}}},
        'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE"',
    ),
    ("customresourcedefinitions", definition(names={"plural": "x", "kind": "Thing"}), "must be spec.names.plural+"),
    ("customresourcedefinitions", definition(versions=[]), "must have exactly one version marked as storage version"),
    ("customresourcedefinitions", definition(group="nodots"), "should be a domain with at least one dot"),
    ("apiservices", {"spec": {"version": "v1"}}, 'must be `spec.version+"."+spec.group`: "v1."'),
    (
        "flowschemas",
        {"spec": {}},
        "spec.priorityLevelConfiguration.name: Required value: must reference a priority level",
    ),
    (
        "prioritylevelconfigurations",
        {"spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": {"handSize": 20}}}}},
        "required entropy bits of deckSize 64 and handSize 20 should not be greater than 60",
    ),
    ("certificatesigningrequests", {"spec": {"request": ""}}, "PEM block type must be CERTIFICATE REQUEST"),
    ("persistentvolumes", {"spec": VOLUME}, "spec: Required value: must specify a volume type"),
    ("persistentvolumes", {"spec": {**VOLUME, "local": {"path": "/x"}}}, "Local volume requires node affinity"),
    (
        "persistentvolumes",
        {"spec": {**VOLUME, "hostPath": {"path": "/"}, "persistentVolumeReclaimPolicy": "Recycle"}},
        "may not be 'recycle' for a hostPath mount of '/'",
    ),
    (
        "persistentvolumes",
        {"spec": {**VOLUME, **CSI, "accessModes": ["ReadWriteOncePod", "ReadWriteMany"]}},
        "may not use ReadWriteOncePod with other access modes",
    ),
    ("persistentvolumeclaims", {"spec": {}}, "spec.resources[storage]: Required value"),
    (
        "persistentvolumeclaims",
        {"spec": {**SPEC, "dataSource": {"kind": "Secret", "name": "s"}}},
        "must be 'PersistentVolumeClaim' when referencing the default apiGroup",
    ),
    ("storageclasses", {"provisioner": "x", "volumeBindingMode": "Later"}, "volumeBindingMode: Unsupported value"),
    (
        "volumeattributesclasses",
        {"driverName": "d"},
        "parameters: Required value: must contain at least one key/value pair",
    ),
    (
        "csidrivers",
        {"spec": {"tokenRequests": [{"expirationSeconds": 5}]}},
        "may not specify a duration less than 10 minutes",
    ),
    ("csinodes", {"spec": {"drivers": [{"name": "d"}]}}, "spec.drivers[0].nodeID: Required value"),
    (
        "volumeattachments",
        {"spec": {"attacher": "d", "nodeName": "n"}},
        "must specify exactly one of inlineVolumeSpec and",
    ),
    ("runtimeclasses", {"handler": "a.b"}, "handler: Invalid value"),
    ("deviceclasses", {"spec": {"selectors": [{}]}}, "spec.selectors[0].cel: Required value"),
    (
        "resourceclaims",
        {"spec": {"devices": {"requests": [{"name": "a"}]}}},
        "exactly one of `exactly` or `firstAvailable`",
    ),
    (
        "resourceclaims",
        {"spec": {"devices": {**ASKED["devices"], "constraints": [{"requests": ["b"], "matchAttribute": "d.io/x"}]}}},
        "must be the name of a request in the claim",
    ),
    ("resourceslices", {"spec": {**SLICE, "allNodes": True}}, "is required, but multiple fields are set"),
    (
        "resourceslices",
        {"spec": {**SLICE, "devices": [{"name": "g", "attributes": {"v": {"version": "1.2"}}}]}},
        "must be a string compatible with semver.org spec 2.0.0",
    ),
    (
        "clusterroles",
        {"aggregationRule": {}},
        "at least one clusterRoleSelector required if aggregationRule is non-nil",
    ),
]


@pytest.mark.parametrize(
    ("name", "document", "words"), WRONG, ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(WRONG)]
)
def test_a_mistake_is_named_in_upstreams_words(name: str, document: Document, words: str) -> None:
    found = mistakes(name, document)
    assert any(words in one for one in found), found


CHANGED: list[tuple[str, Document, Document, str]] = [
    (
        "persistentvolumeclaims",
        {"spec": {**SPEC, "volumeName": "v"}},
        {"spec": {**SPEC, "volumeName": "w"}},
        "spec: Forbidden",
    ),
    ("persistentvolumes", {"spec": {**VOLUME, **CSI}}, {"spec": {**VOLUME, "nfs": {}}}, "spec.persistentvolumesource"),
    ("storageclasses", {"provisioner": "a"}, {"provisioner": "b"}, "updates to provisioner are forbidden."),
    ("runtimeclasses", {"handler": "a"}, {"handler": "b"}, 'handler: Invalid value: "b": field is immutable'),
    ("resourceclaims", {"spec": ASKED}, {"spec": {}}, "spec: Invalid value"),
    ("customresourcedefinitions", definition(), definition(group="example.org"), "spec.group: Invalid value"),
]


@pytest.mark.parametrize(("name", "old", "new", "words"), CHANGED, ids=[one[0] for one in CHANGED])
def test_what_cannot_change_is_refused(name: str, old: Document, new: Document, words: str) -> None:
    kind = kind_of(name)
    found = [str(error) for error in kind.validate_update(made(name, new), made(name, old))]
    assert any(words in one for one in found), found
    assert kind.validate_update(made(name, old), made(name, old)) == []


ROWS: list[tuple[str, Document, list[Any]]] = [
    ("mutatingwebhookconfigurations", webhook(), ["a", 1, "60m"]),
    ("validatingadmissionpolicies", {"spec": {"validations": [{}]}}, ["a", 1, "<unset>", "60m"]),
    (
        "validatingadmissionpolicybindings",
        {"spec": {"policyName": "p", "paramRef": {"name": "x", "namespace": "n"}}},
        ["a", "p", "n/x", "60m"],
    ),
    (
        "mutatingadmissionpolicybindings",
        {"spec": {"policyName": "p", "paramRef": {"selector": {"matchLabels": {"k": "v"}}}}},
        [
            "a",
            "p",
            "&LabelSelector{MatchLabels:map[string]string{k: v,},MatchExpressions:[]LabelSelectorRequirement{},}",
            "60m",
        ],
    ),
    ("customresourcedefinitions", definition(), ["things.example.com", BORN]),
    ("apiservices", {"spec": {"service": {"name": "s", "namespace": "n"}}}, ["a", "n/s", "Unknown", "60m"]),
    ("flowschemas", {"spec": {"distinguisherMethod": {"type": "ByUser"}}}, ["a", "", 1000, "ByUser", "60m", "?"]),
    (
        "prioritylevelconfigurations",
        {"spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": {}}}}},
        ["a", "Limited", 30, 64, 8, 50, "60m"],
    ),
    (
        "certificatesigningrequests",
        {
            "spec": {"signerName": "e.io/s", "username": "u", "expirationSeconds": 86400},
            "status": {"conditions": [{"type": "Approved"}], "certificate": "eA=="},
        },
        ["a", "60m", "e.io/s", "u", "24h", "Approved,Issued"],
    ),
    (
        "persistentvolumes",
        {"spec": {**VOLUME, **CSI, "claimRef": {"namespace": "n", "name": "c"}, "storageClassName": "s"}},
        ["a", "1Gi", "RWO", "Retain", "Pending", "n/c", "s", "<unset>", "", "60m", "Filesystem"],
    ),
    (
        "persistentvolumeclaims",
        {
            "spec": {**SPEC, "volumeName": "v", "storageClassName": "s"},
            "status": {
                "phase": "Bound",
                "capacity": {"storage": "2Gi"},
                "accessModes": ["ReadOnlyMany", "ReadWriteOnce"],
            },
        },
        ["a", "Bound", "v", "2Gi", "RWO,ROX", "s", "<unset>", "60m", "Filesystem"],
    ),
    (
        "storageclasses",
        {"provisioner": "p", "metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}},
        ["a (default)", "p", "Delete", "Immediate", False, "60m"],
    ),
    ("csidrivers", {}, ["a", True, False, False, "<unset>", False, "Persistent", "60m"]),
    ("csinodes", {"spec": {"drivers": [{"name": "d"}]}}, ["a", 1, "60m"]),
    ("csistoragecapacities", {"storageClassName": "s", "capacity": "1Gi"}, ["a", "s", "1Gi", "60m"]),
    (
        "volumeattachments",
        {"spec": {"attacher": "d", "nodeName": "n", "source": {"persistentVolumeName": "v"}}},
        ["a", "d", "v", "n", False, "60m"],
    ),
    ("runtimeclasses", {"handler": "h"}, ["a", "h", "60m"]),
    (
        "resourceclaims",
        {"status": {"allocation": {}, "reservedFor": [{"name": "p"}]}},
        ["a", "allocated,reserved", "60m"],
    ),
    ("resourceslices", {"spec": SLICE}, ["a", "n", "d.example.com", "p", "60m"]),
]


@pytest.mark.parametrize(("name", "document", "cells"), ROWS, ids=[one[0] for one in ROWS])
def test_the_cells_are_those_of_kubectl(name: str, document: Document, cells: list[Any]) -> None:
    row = kind_of(name).row
    assert row is not None and row(made(name, document), NOW) == cells


def test_a_secret_for_expansion_may_come_later() -> None:
    secret = {"controllerExpandSecretRef": {"name": "s", "namespace": "n"}}
    old = made("persistentvolumes", {"spec": {**VOLUME, **CSI}})
    new = made("persistentvolumes", {"spec": {**VOLUME, "csi": {**CSI["csi"], **secret}}})
    assert kind_of("persistentvolumes").validate_update(new, old) == []
    assert kind_of("persistentvolumes").validate_update(old, new) != []


def test_the_mandatory_levels_are_right_and_cannot_be_changed() -> None:
    schemas, levels = kind_of("flowschemas"), kind_of("prioritylevelconfigurations")
    for name, spec in mandatory.flow_schemas().items():
        fixed = FlowSchema(metadata=ObjectMeta(name=name), spec=codec.clone(spec))
        assert schemas.validate(fixed) == []
        fixed.spec.rules = []
        assert any("must equal the fixed value" in str(one) for one in schemas.validate(fixed))
    for name, level in mandatory.priority_levels().items():
        found = PriorityLevelConfiguration(metadata=ObjectMeta(name=name), spec=codec.clone(level))
        assert levels.validate(found) == []
    exempt = codec.clone(mandatory.priority_levels()["exempt"])
    exempt.exempt.lendablePercent = 50
    assert levels.validate(PriorityLevelConfiguration(metadata=ObjectMeta(name="exempt"), spec=exempt)) == []


@pytest.mark.parametrize(
    ("name", "good"), [("example.com/a", True), ("a/b", False), ("example.com", False), ("example.com/A", False)]
)
def test_signers_are_names_in_a_domain(name: str, good: bool) -> None:
    assert (validate_signer_name(name, Path("spec")) == []) is good


def test_who_asks_replaces_what_the_client_says() -> None:
    class User:
        name, uid, groups, extra = "me", "1", ("g",), {"k": ("v",)}

    request = made("certificatesigningrequests", {"spec": {"username": "root", "groups": ["system:masters"]}})
    set_requester(request, User())
    assert (request.spec.username, request.spec.groups, request.spec.extra) == ("me", ["g"], {"k": ["v"]})


def test_both_fields_for_a_source_say_the_same() -> None:
    claim = made(
        "persistentvolumeclaims", {"spec": {**SPEC, "dataSource": {"kind": "PersistentVolumeClaim", "name": "x"}}}
    )
    kind_of("persistentvolumeclaims").prepare_create(claim)
    assert claim.spec.dataSourceRef is not None and claim.spec.dataSourceRef.name == "x"
