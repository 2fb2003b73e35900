"""Variables of a container."""

from __future__ import annotations

import pytest

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.env.services import NarrowService, ServiceMeta, ServicePort, ServiceSpec, for_pod
from kubelite.kubelet.env.variables import MissingReference, Sources, build, references
from kubelite.machinery import codec


def pod(container, **spec):
    metadata = {
        "name": "p",
        "namespace": "ns",
        "uid": "u",
        "labels": {"a": "1", "b": "x\ny"},
        "annotations": {"k": "v"},
    }
    body = {"metadata": metadata, "spec": {"containers": [{"name": "c"} | container], "nodeName": "n1"} | spec}
    return codec.convert(body, Pod)


def made(container, **sources):
    it = pod(container)
    return build(it, it.spec.containers[0], Sources(**sources))[0]


def test_references_between_variables_are_expanded_in_order():
    env = [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "$(A)-$(LATER)-$$(A)-$(SVC)"},
        {"name": "LATER", "value": "2"},
    ]
    assert made({"env": env}, services={"SVC": "s"})["B"] == "1-$(LATER)-$(A)-s"


def test_env_wins_over_env_from_and_both_over_services():
    container = {"envFrom": [{"configMapRef": {"name": "m"}, "prefix": "P_"}], "env": [{"name": "P_A", "value": "env"}]}
    objects = {("configmap", "m"): {"A": "map", "B": "map"}}
    got = made(container, objects=objects, services={"P_B": "service", "S": "service"})
    assert got == {"S": "service", "P_A": "env", "P_B": "map"}


def test_names_that_no_environment_can_hold_are_left_out_with_a_complaint():
    it = pod({"envFrom": [{"configMapRef": {"name": "m"}, "prefix": "é"}]})
    values, complaints = build(it, it.spec.containers[0], Sources(objects={("configmap", "m"): {"B": "1", "A": "2"}}))
    assert values == {}
    assert complaints == [
        "Keys [éA, éB] from the EnvFrom configMap ns/m were skipped since they are considered invalid environment variable names."
    ]


def ref(kind, name, key, **more):
    return {"env": [{"name": "X", "valueFrom": {kind: {"name": name, "key": key} | more}}]}


@pytest.mark.parametrize(
    ("container", "text"),
    [
        ({"envFrom": [{"configMapRef": {"name": "gone"}}]}, 'configmap "gone" not found'),
        ({"envFrom": [{"secretRef": {"name": "gone"}}]}, 'secret "gone" not found'),
        (ref("configMapKeyRef", "gone", "k"), 'configmap "gone" not found'),
        (ref("configMapKeyRef", "m", "k"), "couldn't find key k in ConfigMap ns/m"),
        (ref("secretKeyRef", "s", "k"), "couldn't find key k in Secret ns/s"),
        (
            {"env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "spec.foo"}}}]},
            "unsupported fieldPath: spec.foo",
        ),
        (
            {"env": [{"name": "X", "valueFrom": {"fileKeyRef": {"key": "k", "path": "f", "volumeName": "v"}}}]},
            "environment variable X: fileKeyRef is not supported by this kubelet",
        ),
    ],
)
def test_what_is_missing_is_named(container, text):
    with pytest.raises(MissingReference) as caught:
        made(container, objects={("configmap", "m"): {}, ("secret", "s"): {}})
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "container",
    [
        {"envFrom": [{"secretRef": {"name": "gone", "optional": True}}]},
        ref("configMapKeyRef", "gone", "k", optional=True),
        ref("configMapKeyRef", "m", "k", optional=True),
    ],
)
def test_what_is_optional_may_be_missing(container):
    assert made(container, objects={("configmap", "m"): {}}) == {}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "p"),
        ("metadata.uid", "u"),
        ("metadata.labels['a']", "1"),
        ("metadata.labels['absent']", ""),
        ("metadata.annotations", 'k="v"'),
        ("metadata.labels", 'a="1"\nb="x\\ny"'),
        ("spec.nodeName", "n1"),
        ("status.podIP", "10.0.0.1"),
        ("status.podIPs", "10.0.0.1,fd00::1"),
        ("status.hostIP", "192.0.2.1"),
    ],
)
def test_fields_of_the_pod(path, value):
    env = [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}]
    assert made({"env": env}, pod_ips=["10.0.0.1", "fd00::1"], host_ips=["192.0.2.1"]) == {"X": value}


@pytest.mark.parametrize(
    ("resource", "divisor", "value"),
    [
        ("limits.cpu", None, "2"),
        ("limits.cpu", "1m", "1250"),
        ("requests.cpu", None, "0"),
        ("limits.memory", None, "67108864"),
        ("limits.memory", "1Mi", "64"),
        ("limits.memory", "60Mi", "2"),
        ("requests.memory", "1Mi", "32"),
        ("limits.ephemeral-storage", None, "1000"),
    ],
)
def test_resources_are_divided_and_rounded_up(resource, divisor, value):
    selector = {"resource": resource} | ({"divisor": divisor} if divisor else {})
    resources = {"limits": {"cpu": "1250m", "memory": "64Mi"}, "requests": {"memory": "32Mi"}}
    container = {"env": [{"name": "X", "valueFrom": {"resourceFieldRef": selector}}], "resources": resources}
    assert made(container, allocatable={"cpu": "8", "memory": "1Gi", "ephemeral-storage": "1k"}) == {"X": value}


def test_every_object_that_is_needed_is_named():
    container = {"envFrom": [{"configMapRef": {"name": "m"}}]} | ref("secretKeyRef", "s", "k")
    assert list(references(pod(container).spec.containers[0])) == [("configmap", "m"), ("secret", "s")]


def service(name, namespace="ns", ip="10.96.0.5", *ports):
    return NarrowService(ServiceMeta(name, namespace), ServiceSpec(ip, list(ports)))


def test_service_variables_have_their_old_forms():
    ports = (ServicePort("http", 80, "TCP"), ServicePort("dns", 53, "UDP"))
    assert for_pod([service("my-web", "ns", "10.96.0.5", *ports)], "ns", True) == {
        "MY_WEB_SERVICE_HOST": "10.96.0.5",
        "MY_WEB_SERVICE_PORT": "80",
        "MY_WEB_SERVICE_PORT_HTTP": "80",
        "MY_WEB_SERVICE_PORT_DNS": "53",
        "MY_WEB_PORT": "tcp://10.96.0.5:80",
        "MY_WEB_PORT_80_TCP": "tcp://10.96.0.5:80",
        "MY_WEB_PORT_80_TCP_PROTO": "tcp",
        "MY_WEB_PORT_80_TCP_PORT": "80",
        "MY_WEB_PORT_80_TCP_ADDR": "10.96.0.5",
        "MY_WEB_PORT_53_UDP": "udp://10.96.0.5:53",
        "MY_WEB_PORT_53_UDP_PROTO": "udp",
        "MY_WEB_PORT_53_UDP_PORT": "53",
        "MY_WEB_PORT_53_UDP_ADDR": "10.96.0.5",
    }


@pytest.mark.parametrize(("links", "hosts"), [(True, {"A", "KUBERNETES"}), (False, {"KUBERNETES"})])
def test_only_services_of_the_namespace_and_the_api_are_linked(links, hosts):
    port = ServicePort("", 443)
    services = [
        service("a", "ns", "10.96.0.5", port),
        service("b", "other", "10.96.0.6", port),
        service("headless", "ns", "None", port),
        service("kubernetes", "default", "10.96.0.1", port),
    ]
    got = for_pod(services, "ns", links)
    assert {name.removesuffix("_SERVICE_HOST") for name in got if name.endswith("_SERVICE_HOST")} == hosts
