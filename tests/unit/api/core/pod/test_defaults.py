"""A stored pod shows the defaults that upstream shows."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.core.pod.images import default_pull_policy, image_tag
from kubelite.api.core.pod.kind import POD
from kubelite.api.core.pod_template import POD_TEMPLATE
from tests.unit.api.objects import decoded, encoded, pod_spec, pod_wire


def test_a_bare_pod_gets_every_default_that_upstream_writes() -> None:
    assert encoded(decoded(POD, pod_wire()))["spec"] == {
        "containers": [
            {
                "name": "c",
                "image": "web:1",
                "imagePullPolicy": "IfNotPresent",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    }


def test_a_template_gets_no_service_links_and_no_requests_from_limits() -> None:
    wire = {"metadata": {"name": "t"}, "template": {"spec": pod_spec({"resources": {"limits": {"cpu": 1}}})}}
    spec = encoded(decoded(POD_TEMPLATE, wire))["template"]["spec"]
    assert "enableServiceLinks" not in spec
    assert spec["containers"][0]["resources"] == {"limits": {"cpu": "1"}}


@pytest.mark.parametrize(
    ("image", "tag", "policy"),
    [
        ("nginx", "latest", "Always"),
        ("nginx:latest", "latest", "Always"),
        ("nginx:1.7.9", "1.7.9", "IfNotPresent"),
        ("registry:5000/a/b", "latest", "Always"),
        ("registry:5000/a/b:2", "2", "IfNotPresent"),
        ("a@sha256:" + "0" * 64, "", "IfNotPresent"),
        ("a:latest@sha256:" + "0" * 64, "latest", "Always"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, tag: str, policy: str) -> None:
    assert image_tag(image) == tag
    assert default_pull_policy(image) == policy


CONTAINER_CASES: list[Any] = [
    pytest.param(
        {"ports": [{"containerPort": 80}]}, {"ports": [{"containerPort": 80, "protocol": "TCP"}]}, id="port-protocol"
    ),
    pytest.param(
        {"livenessProbe": {"httpGet": {"port": 80}}},
        {
            "livenessProbe": {
                "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
                "timeoutSeconds": 1,
                "periodSeconds": 10,
                "successThreshold": 1,
                "failureThreshold": 3,
            }
        },
        id="probe",
    ),
    pytest.param(
        {"readinessProbe": {"grpc": {"port": 80}}},
        {
            "readinessProbe": {
                "grpc": {"port": 80, "service": ""},
                "timeoutSeconds": 1,
                "periodSeconds": 10,
                "successThreshold": 1,
                "failureThreshold": 3,
            }
        },
        id="the-service-of-a-grpc-probe-is-explicit",
    ),
    pytest.param(
        {"lifecycle": {"preStop": {"httpGet": {"port": "web", "path": "/bye"}}}},
        {"lifecycle": {"preStop": {"httpGet": {"port": "web", "path": "/bye", "scheme": "HTTP"}}}},
        id="hook",
    ),
    pytest.param(
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v1"}}}]},
        id="field-reference",
    ),
    pytest.param(
        {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]},
        {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "0"}}}]},
        id="divisor",
    ),
    pytest.param(
        {"resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}}},
        {"resources": {"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}},
        id="requests-from-limits-in-canonical-text",
    ),
    pytest.param(
        {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "0.1m"}}},
        {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1m"}}},
        id="amounts-round-up-to-thousandths",
    ),
]


@pytest.mark.parametrize(("given", "expected"), CONTAINER_CASES)
def test_container_defaults(given: dict[str, Any], expected: dict[str, Any]) -> None:
    container = encoded(decoded(POD, pod_wire(given)))["spec"]["containers"][0]
    assert {name: container[name] for name in expected} == expected


VOLUME_CASES: list[Any] = [
    pytest.param({}, {"emptyDir": {}}, id="nothing-is-emptyDir"),
    pytest.param({"configMap": {"name": "m"}}, {"configMap": {"name": "m", "defaultMode": 420}}, id="configMap"),
    pytest.param({"secret": {"secretName": "s"}}, {"secret": {"secretName": "s", "defaultMode": 420}}, id="secret"),
    pytest.param(
        {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {
            "downwardAPI": {
                "defaultMode": 420,
                "items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels", "apiVersion": "v1"}}],
            }
        },
        id="downwardAPI",
    ),
    pytest.param(
        {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
        {
            "projected": {
                "defaultMode": 420,
                "sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}],
            }
        },
        id="projected-token",
    ),
    pytest.param({"emptyDir": {"sizeLimit": "1024Ki"}}, {"emptyDir": {"sizeLimit": "1Mi"}}, id="sizeLimit"),
    pytest.param(
        {"image": {"reference": "data:latest"}},
        {"image": {"reference": "data:latest", "pullPolicy": "Always"}},
        id="image",
    ),
    pytest.param(
        {"iscsi": {"targetPortal": "1.2.3.4", "iqn": "i", "lun": 0}},
        {"iscsi": {"targetPortal": "1.2.3.4", "iqn": "i", "lun": 0, "iscsiInterface": "default"}},
        id="iscsi",
    ),
]


@pytest.mark.parametrize(("given", "expected"), VOLUME_CASES)
def test_volume_defaults(given: dict[str, Any], expected: dict[str, Any]) -> None:
    volume = encoded(decoded(POD, pod_wire(volumes=[{"name": "v", **given}])))["spec"]["volumes"][0]
    assert volume == {"name": "v", **expected}


def test_host_network_takes_container_ports_as_host_ports() -> None:
    pod = decoded(POD, pod_wire({"ports": [{"containerPort": 80}]}, hostNetwork=True))
    assert pod.spec.containers[0].ports[0].hostPort == 80


@pytest.mark.parametrize("field", ["serviceAccount", "serviceAccountName"])
def test_both_names_of_the_service_account_are_served(field: str) -> None:
    spec = decoded(POD, pod_wire(**{field: "robot"})).spec
    assert (spec.serviceAccount, spec.serviceAccountName) == ("robot", "robot")


def test_pod_level_requests_follow_the_containers_and_then_the_limits() -> None:
    wire = pod_wire({"resources": {"requests": {"cpu": "100m"}}}, resources={"limits": {"cpu": "1", "memory": "1Gi"}})
    assert decoded(POD, wire).spec.resources.requests == {"cpu": "100m", "memory": "1Gi"}


def test_defaulting_twice_changes_nothing_more() -> None:
    pod = decoded(POD, pod_wire({"livenessProbe": {"exec": {"command": ["true"]}}}, volumes=[{"name": "v"}]))
    once = encoded(pod)
    POD.set_defaults(pod)
    assert encoded(pod) == once


@pytest.mark.parametrize("amount", ["abc", "", "1 Gi"])
def test_an_amount_that_is_no_quantity_is_refused_while_it_is_read(amount: str) -> None:
    with pytest.raises(ValueError, match="quantities must match the regular expression"):
        decoded(POD, pod_wire({"resources": {"requests": {"memory": amount}}}))
