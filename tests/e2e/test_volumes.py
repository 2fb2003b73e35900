"""Volumes, environment and identity of pods, as their containers see them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Cluster, eventually
from tests.e2e.workbench import Bench, container, pod, service, workbench

FOREVER = "trap 'exit 0' TERM; sleep 1000 & wait"
BUSY = {"limits": {"cpu": "1500m", "memory": "64Mi"}, "requests": {"cpu": "250m"}}


def field(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def resource(name: str, what: str, divisor: str = "0") -> dict[str, Any]:
    return {"name": name, "valueFrom": {"resourceFieldRef": {"resource": what, "divisor": divisor}}}


def reference(name: str, kind: str, source: str, key: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "valueFrom": {kind: {"name": source, "key": key, **more}}}


def mount(name: str, path: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "mountPath": path, **more}


ENVIRONMENT = [
    {"name": "PLAIN", "value": "one"},
    {"name": "JOINED", "value": "$(PLAIN)-$(FROM_MAP)-$$(PLAIN)-$(ABSENT)"},
    reference("FROM_MAP", "configMapKeyRef", "settings", "color"),
    {"name": "LATER", "value": "$(FROM_MAP)"},
    reference("FROM_SECRET", "secretKeyRef", "keys", "password"),
    reference("OPTIONAL", "secretKeyRef", "absent", "x", optional=True),
    field("POD_NAME", "metadata.name"),
    field("POD_NAMESPACE", "metadata.namespace"),
    field("POD_UID", "metadata.uid"),
    field("POD_IP", "status.podIP"),
    field("HOST_IP", "status.hostIP"),
    field("NODE", "spec.nodeName"),
    field("ACCOUNT", "spec.serviceAccountName"),
    field("LABEL", "metadata.labels['tier']"),
    field("NOTE", "metadata.annotations['note']"),
    resource("CPU", "limits.cpu"),
    resource("CPU_MILLI", "requests.cpu", "1m"),
    resource("MEMORY", "limits.memory", "1Mi"),
]

DOWNWARD = {
    "items": [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "deep/name", "fieldRef": {"fieldPath": "metadata.name"}, "mode": 0o400},
        {"path": "cpu", "resourceFieldRef": {"containerName": "main", "resource": "limits.cpu", "divisor": "1m"}},
    ]
}
PROJECTED = {
    "sources": [
        {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 600}},
        {"configMap": {"name": "settings", "items": [{"key": "color", "path": "c/colour"}]}},
        {"secret": {"name": "keys"}},
        {"downwardAPI": DOWNWARD},
    ]
}


def everything() -> list[dict[str, Any]]:
    """All objects of this module; the pods start together."""
    variables = pod(
        "variables",
        container(
            "main",
            FOREVER,
            env=ENVIRONMENT,
            envFrom=[
                {"configMapRef": {"name": "settings"}},
                {"prefix": "KEY_", "secretRef": {"name": "keys"}},
                {"configMapRef": {"name": "absent", "optional": True}},
            ],
            resources=BUSY,
        ),
        labels={"tier": "back", "app": "v"},
    )
    variables["metadata"]["annotations"] = {"note": "two words"}
    volumes = pod(
        "volumes",
        container(
            "main",
            FOREVER,
            resources=BUSY,
            volumeMounts=[
                mount("disk", "/disk"),
                mount("memory", "/memory"),
                mount("host", "/host"),
                mount("map", "/map"),
                mount("map", "/single/color.txt", subPath="color"),
                mount("keys", "/keys", readOnly=True),
                mount("down", "/down"),
                mount("all", "/all"),
                mount("disk", "/by-name", subPathExpr="$(WHO)/data"),
            ],
            env=[field("WHO", "metadata.name")],
        ),
        container("other", FOREVER, volumeMounts=[mount("disk", "/disk", readOnly=True)]),
        volumes=[
            {"name": "disk", "emptyDir": {}},
            {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
            {"name": "host", "hostPath": {"path": "/run/from-host", "type": "DirectoryOrCreate"}},
            {"name": "map", "configMap": {"name": "settings", "defaultMode": 0o640}},
            {
                "name": "keys",
                "secret": {"secretName": "keys", "items": [{"key": "password", "path": "p", "mode": 0o400}]},
            },
            {"name": "down", "downwardAPI": DOWNWARD},
            {"name": "all", "projected": PROJECTED},
        ],
    )
    missing = pod(
        "missing",
        container("main", FOREVER, volumeMounts=[mount("map", "/map")]),
        volumes=[{"name": "map", "configMap": {"name": "late"}}],
    )
    unset = pod("unset", container("main", FOREVER, env=[reference("X", "configMapKeyRef", "late", "key")]))
    wrong = pod(
        "wrong-path",
        container("main", FOREVER, volumeMounts=[mount("host", "/host")]),
        volumes=[{"name": "host", "hostPath": {"path": "/run/not-there", "type": "Directory"}}],
    )
    settings = {"color": "blue", "size": "10", "not.an.identifier": "x"}
    return [
        service("early", {"name": "web", "port": 80, "targetPort": 8080}, {"name": "more", "port": 81}),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": settings},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "keys"},
            "data": {"password": base64.b64encode(b"s3cret").decode()},
        },
        variables,
        volumes,
        missing,
        unset,
        wrong,
    ]


@pytest.fixture(scope="module")
def bench(cluster: Cluster) -> Iterator[Bench]:
    with workbench(cluster, "volumes") as bench:
        bench.apply(*everything())
        bench.ready("variables", "volumes")
        yield bench


def test_variables_come_from_every_source(bench: Bench) -> None:
    printed = dict(line.split("=", 1) for line in bench.exec("variables", "env").splitlines())
    found = bench.get("pod", "variables")
    status = found["status"]
    wanted = {
        "PLAIN": "one",
        "JOINED": "one-$(FROM_MAP)-$(PLAIN)-$(ABSENT)",
        "FROM_MAP": "blue",
        "LATER": "blue",
        "FROM_SECRET": "s3cret",
        "POD_NAME": "variables",
        "POD_NAMESPACE": "volumes",
        "POD_UID": found["metadata"]["uid"],
        "POD_IP": status["podIP"],
        "HOST_IP": bench.cluster.machine.address,
        "NODE": bench.cluster.machine.name,
        "ACCOUNT": "default",
        "LABEL": "back",
        "NOTE": "two words",
        "CPU": "2",
        "CPU_MILLI": "250",
        "MEMORY": "64",
        "color": "blue",
        "size": "10",
        "KEY_password": "s3cret",
        "HOSTNAME": "variables",
    }
    assert {k: printed.get(k) for k in wanted} == wanted
    assert "OPTIONAL" not in printed


def test_services_of_the_namespace_are_variables(bench: Bench) -> None:
    printed = dict(line.split("=", 1) for line in bench.exec("variables", "env").splitlines())
    address = bench.get("service", "early")["spec"]["clusterIP"]
    wanted = {
        "EARLY_SERVICE_HOST": address,
        "EARLY_SERVICE_PORT": "80",
        "EARLY_SERVICE_PORT_WEB": "80",
        "EARLY_SERVICE_PORT_MORE": "81",
        "EARLY_PORT": f"tcp://{address}:80",
        "EARLY_PORT_81_TCP": f"tcp://{address}:81",
        "EARLY_PORT_80_TCP_PROTO": "tcp",
        "EARLY_PORT_80_TCP_PORT": "80",
        "EARLY_PORT_80_TCP_ADDR": address,
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
        "KUBERNETES_SERVICE_PORT_HTTPS": "443",
    }
    assert {k: printed.get(k) for k in wanted} == wanted


def test_empty_dirs_are_shared_and_bounded(bench: Bench) -> None:
    bench.run("exec", "volumes", "-c", "main", "--", "sh", "-c", "echo hello > /disk/file; echo named > /by-name/file")
    seen = bench.run("exec", "volumes", "-c", "other", "--", "cat", "/disk/file", "/disk/volumes/data/file").stdout
    assert seen == "hello\nnamed\n"
    done = bench.run("exec", "volumes", "-c", "other", "--", "touch", "/disk/new", check=False)
    assert "Read-only file system" in done.stderr
    script = (
        "stat -f -c %T /memory; df -k /memory; dd if=/dev/zero of=/memory/x bs=1M count=20 2>&1; stat -c %s /memory/x"
    )
    lines = bench.run("exec", "volumes", "-c", "main", "--", "sh", "-c", script).stdout
    assert lines.startswith("tmpfs\n")
    assert " 16384 " in lines
    assert "No space left on device" in lines
    assert lines.endswith(f"{16 << 20}\n")


def test_host_paths_are_made_or_refused(bench: Bench) -> None:
    bench.run("exec", "volumes", "-c", "main", "--", "sh", "-c", "echo out > /host/file")
    assert bench.cluster.machine.run("cat", "/run/from-host/file").stdout == "out\n"
    bench.until("wrong-path", "ContainerCreating")

    def told() -> bool:
        events = bench.run("get", "events", "--field-selector=involvedObject.name=wrong-path").stdout
        return "FailedMount" in events and "hostPath type check failed: /run/not-there is not a directory" in events

    eventually(told, 20, bench.explain)


def test_config_maps_and_secrets_are_files(bench: Bench) -> None:
    script = "cat /map/color /single/color.txt /keys/p /all/c/colour /all/password; stat -L -c %a /map/color /keys/p; ls /map"
    lines = bench.run("exec", "volumes", "-c", "main", "--", "sh", "-c", script).stdout
    assert lines == "bluebluess3cretblues3cret640\n400\ncolor\nnot.an.identifier\nsize\n".replace(
        "bluebluess", "blueblues"
    )
    assert bench.run("exec", "volumes", "-c", "main", "--", "touch", "/map/new", check=False).returncode != 0


def test_downward_files(bench: Bench) -> None:
    script = "cat /down/labels; echo; cat /down/deep/name; echo; cat /down/cpu; echo; stat -L -c %a /down/deep/name"
    lines = bench.run("exec", "volumes", "-c", "main", "--", "sh", "-c", script).stdout.splitlines()
    assert lines == ['name="volumes"', "volumes", "1500", "400"]


def test_updates_reach_running_pods_but_not_sub_paths(bench: Bench) -> None:
    bench.run("patch", "configmap", "settings", "-p", '{"data":{"color":"green","new":"file"}}')
    bench.run("label", "pod", "volumes", "extra=label")

    def seen() -> str:
        script = "cat /map/color /map/new /all/c/colour; cat /down/labels | head -n 1"
        return bench.run("exec", "volumes", "-c", "main", "--", "sh", "-c", script, check=False).stdout

    eventually(lambda: seen() == 'greenfilegreenextra="label"\n', 90, seen)
    assert bench.run("exec", "volumes", "-c", "main", "--", "cat", "/single/color.txt").stdout == "blue"


def test_what_is_missing_is_waited_for(bench: Bench) -> None:
    bench.until("missing", "ContainerCreating")
    bench.until("unset", "CreateContainerConfigError")
    assert bench.state("unset")["state"]["waiting"]["message"] == 'configmap "late" not found'
    events = bench.run("get", "events", "--field-selector=involvedObject.name=missing").stdout
    assert 'MountVolume.SetUp failed for volume "map" : configmap "late" not found' in events
    bench.run("create", "configmap", "late", "--from-literal=key=value")
    bench.ready("missing", "unset", seconds=30)


def test_the_token_opens_the_api_from_inside(bench: Bench) -> None:
    folder = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert bench.exec("variables", "cat", f"{folder}/namespace") == "volumes"
    assert "BEGIN CERTIFICATE" in bench.exec("variables", "cat", f"{folder}/ca.crt")
    bench.run("create", "role", "reader", "--verb=get", "--resource=pods")
    bench.run("create", "rolebinding", "reader", "--role=reader", "--serviceaccount=volumes:default")
    process = bench.process("variables")
    token = bench.exec("variables", "cat", f"{folder}/token")
    ca = bench.exec("variables", "cat", f"{folder}/ca.crt")

    def ask(path: str) -> str:
        """The API's answer by the pod's own network, authority and token."""
        script = 'cat > /run/ca.crt; exec nsenter -t "$1" --net curl -sS --cacert /run/ca.crt -H "Authorization: Bearer $2" "$3"'
        url = f"https://10.96.0.1/api/v1/namespaces/volumes/{path}"
        return bench.cluster.machine.run("sh", "-c", script, "sh", str(process), token, url, stdin=ca).stdout

    eventually(lambda: json.loads(ask("pods/variables"))["metadata"].get("name") == "variables", 15)
    refused = json.loads(ask("secrets/keys"))
    assert refused["code"] == 403
    assert 'User "system:serviceaccount:volumes:default" cannot get resource "secrets"' in refused["message"]


def test_tokens_are_for_their_audience_and_pod(bench: Bench) -> None:
    token = bench.run("exec", "volumes", "-c", "main", "--", "cat", "/all/token").stdout
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["aud"] == ["vault"]
    assert claims["sub"] == "system:serviceaccount:volumes:default"
    assert claims["kubernetes.io"]["pod"]["name"] == "volumes"
    assert claims["exp"] - claims["iat"] == 600
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "metadata": {},
        "spec": {"token": token, "audiences": ["vault"]},
    }
    answer = json.loads(
        bench.run("create", "--validate=false", "-o", "json", "-f", "-", stdin=json.dumps(review)).stdout
    )["status"]
    assert answer["authenticated"] is True
    assert answer["user"]["username"] == "system:serviceaccount:volumes:default"
