"""The decisions of verbs that need no server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubelite.cli import builder
from kubelite.cli.builder import Item
from kubelite.cli.failures import CliError
from kubelite.cli.flags import parse as parse_flags
from kubelite.cli.generators import configmap, deployment, payload, pod
from kubelite.cli.outcome import LAST_APPLIED, with_last_applied
from kubelite.cli.resources import Resource, Resources
from kubelite.cli.rolloutstatus import status_text
from kubelite.cli.verbs.apply import compute_patch
from kubelite.cli.verbs.cp import Place, place
from kubelite.cli.verbs.describe import DESCRIBERS
from kubelite.cli.verbs.expose import service_for
from kubelite.cli.verbs.portforward import Options as ForwardOptions
from kubelite.cli.verbs.portforward import pairs
from kubelite.cli.verbs.run import COMMAND as RUN
from kubelite.cli.verbs.wait import condition

PODS = Resource("", "v1", "pods", "Pod", "pod", True, ("list",), ("po",), ("all",))
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", "deployment", True, ("list",), ("deploy",), ("all",))
EVENTS = Resource("events.k8s.io", "v1", "events", "Event", "event", True, ("list",), ("ev",))
CORE_EVENTS = Resource("", "v1", "events", "Event", "event", True, ("list",), ("ev",))
KNOWN = Resources([PODS, CORE_EVENTS, DEPLOYMENTS, EVENTS])


@pytest.mark.parametrize(
    "word", ["deploy", "deployment", "Deployments", "deployments.apps", "deploy.apps", "deployments.v1.apps"]
)
def test_a_resource_answers_to_all_its_names(word: str) -> None:
    assert KNOWN.named(word) is DEPLOYMENTS


def test_the_core_group_comes_first_and_a_group_can_be_named() -> None:
    assert (KNOWN.named("ev"), KNOWN.named("events.events.k8s.io")) == (CORE_EVENTS, EVENTS)


def test_a_category_means_its_members() -> None:
    assert KNOWN.expand("all,ev") == [PODS, DEPLOYMENTS, CORE_EVENTS]


def test_an_unknown_resource_is_named() -> None:
    with pytest.raises(CliError, match='the server doesn\'t have a resource type "foo"'):
        KNOWN.named("foo")


@pytest.mark.parametrize(
    ("args", "found"),
    [
        (["pods"], ("pods", [], [])),
        (["pods", "a", "b"], ("pods", ["a", "b"], [])),
        (["pod/a", "svc/b"], ("", [], [("pod", "a"), ("svc", "b")])),
    ],
)
def test_arguments_are_types_and_names_or_pairs(args: list[str], found: object) -> None:
    assert builder.split_args(args) == found


@pytest.mark.parametrize("args", [["pods", "pod/a"], ["pod/a/b"], ["pod/"], ["/a"], ["pod/a", "b"]])
def test_mixtures_of_arguments_are_refused(args: list[str]) -> None:
    with pytest.raises(CliError):
        builder.split_args(args)


# --- apply ----------------------------------------------------------------------------------------------------------------


def _deployment(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def test_applying_the_same_again_changes_nothing() -> None:
    obj = _deployment(replicas=2)
    live = with_last_applied(obj)
    live["status"] = {"replicas": 2}
    assert compute_patch(obj, with_last_applied(obj), live)[0] == {}


def test_what_the_file_no_longer_has_is_removed_and_what_others_set_stays() -> None:
    before, after = _deployment(replicas=2, paused=True), _deployment(replicas=3)
    live = with_last_applied(before)
    live["spec"] = {**live["spec"], "minReadySeconds": 9}
    patch, kind = compute_patch(after, with_last_applied(after), live)
    assert (kind, patch["spec"]) == ("strategic", {"replicas": 3, "paused": None})


def test_a_kind_without_schema_is_patched_by_merge() -> None:
    obj = {"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "x"}, "spec": {"a": [1]}}
    live = with_last_applied(obj | {"spec": {"a": [2], "b": 1}})
    patch, kind = compute_patch(obj, with_last_applied(obj), live)
    assert (kind, patch["spec"]) == ("merge", {"a": [1], "b": None})


def test_the_annotation_holds_the_object_without_itself() -> None:
    obj = _deployment(replicas=1)
    text = with_last_applied(with_last_applied(obj))["metadata"]["annotations"][LAST_APPLIED]
    assert text.endswith("\n")
    assert json.loads(text) == obj | {"metadata": {"name": "web", "annotations": {}}}


# --- rollout, wait --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "text", "done"),
    [
        ({"observedGeneration": 1}, "Waiting for deployment spec update to be observed...\n", False),
        (
            {"observedGeneration": 2, "updatedReplicas": 1},
            'Waiting for deployment "web" rollout to finish: 1 out of 2 new replicas have been updated...\n',
            False,
        ),
        (
            {"observedGeneration": 2, "updatedReplicas": 2, "replicas": 3},
            'Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...\n',
            False,
        ),
        (
            {"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 1},
            'Waiting for deployment "web" rollout to finish: 1 of 2 updated replicas are available...\n',
            False,
        ),
        (
            {"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 2},
            'deployment "web" successfully rolled out\n',
            True,
        ),
    ],
)
def test_rollout_status(status: dict[str, Any], text: str, done: bool) -> None:
    obj = {"metadata": {"name": "web", "generation": 2}, "spec": {"replicas": 2}, "status": status}
    assert status_text(obj) == (text, done)


def test_a_rollout_past_its_deadline_has_failed() -> None:
    conditions = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    obj = {"metadata": {"name": "web"}, "spec": {}, "status": {"conditions": conditions}}
    with pytest.raises(CliError, match='deployment "web" exceeded its progress deadline'):
        status_text(obj)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("condition=Ready", True),
        ("condition=ready=true", True),
        ("condition=Ready=False", False),
        ("condition=Other", False),
        ("jsonpath={.status.phase}=Running", True),
        ("jsonpath='{.status.phase}'=Pending", False),
        ("jsonpath={.status.phase}", True),
        ("jsonpath={.status.nope}", False),
        ("jsonpath={.status.conditions[?(@.type=='Ready')].status}=True", True),
        ("create", True),
        ("delete", False),
    ],
)
def test_wait_conditions(text: str, holds: bool) -> None:
    obj = {"metadata": {}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    assert condition(text)[1](obj) is holds


def test_an_unknown_wait_condition_is_refused() -> None:
    with pytest.raises(CliError, match='unrecognized condition: "foo"'):
        condition("foo")


# --- generators -----------------------------------------------------------------------------------------------------------


def test_a_deployment_is_made_from_flags() -> None:
    parsed = parse_flags(["web", "--image=reg/nginx:1", "--port=80", "--", "sleep", "1"], deployment.COMMAND.flags)
    container = deployment.build(parsed)["spec"]["template"]["spec"]["containers"][0]
    assert container == {
        "name": "nginx",
        "image": "reg/nginx:1",
        "command": ["sleep", "1"],
        "ports": [{"containerPort": 80}],
        "resources": {},
    }


def test_config_map_keys_come_from_literals_and_files(tmp_path: Any) -> None:
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "b.bin").write_bytes(b"\xff\xfe")
    parsed = parse_flags(["cm", "--from-literal=k=v=w", f"--from-file={tmp_path}"], configmap.COMMAND.flags)
    made = configmap.build(parsed)
    assert (made["data"], made["binaryData"]) == ({"a.txt": "text", "k": "v=w"}, {"b.bin": "//4="})


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--from-literal=x"], "invalid literal source x, expected key=value"),
        (
            ["--from-literal=a=1", "--from-literal=a=2"],
            'cannot add key "a", another key by that name already exists in Data',
        ),
        (["--from-literal=a/b=1"], '"a/b" is not a valid key name'),
        (["--from-file=/does/not/exist"], "error reading /does/not/exist: no such file or directory"),
    ],
)
def test_bad_keys_are_refused(words: list[str], text: str) -> None:
    with pytest.raises(CliError) as caught:
        payload.collect(parse_flags(words, payload.FLAGS), "ConfigMap")
    assert text in str(caught.value)


def test_run_makes_a_pod_with_arguments_or_a_command() -> None:
    parsed = parse_flags(["x", "--image=i", "--labels=a=b", "--env=c=d", "--restart=Never"], RUN.flags)
    made = pod.build(parsed, "x", ["one", "two"])
    assert made["metadata"]["labels"] == {"a": "b"}
    assert made["spec"]["restartPolicy"] == "Never"
    assert made["spec"]["containers"][0]["args"] == ["one", "two"]
    assert made["spec"]["containers"][0]["env"] == [{"name": "c", "value": "d"}]


# --- expose, port-forward, cp ---------------------------------------------------------------------------------------------

NO_VALUES = dict.fromkeys(
    ("name", "port", "target-port", "protocol", "type", "selector", "labels", "external-ip", "load-balancer-ip",
     "cluster-ip", "session-affinity", "overrides"), "",
)  # fmt: skip


def test_expose_takes_selector_and_ports_from_the_workload() -> None:
    template = {"spec": {"containers": [{"ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}]}]}}
    obj = {"metadata": {"labels": {"l": "m"}}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
    made = service_for(Item(DEPLOYMENTS, "default", "web", obj), NO_VALUES)
    assert made["spec"] == {
        "selector": {"a": "b"},
        "ports": [
            {"name": "port-1", "protocol": "TCP", "port": 80, "targetPort": 80},
            {"name": "port-2", "protocol": "UDP", "port": 53, "targetPort": 53},
        ],
    }
    assert made["metadata"]["labels"] == {"l": "m"}


POD: dict[str, Any] = {
    "metadata": {"name": "p"}, "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]}
}  # fmt: skip
SERVICE: dict[str, Any] = {
    "metadata": {"name": "s"},
    "spec": {"ports": [{"name": "web", "port": 80, "targetPort": "http"}]},
}


@pytest.mark.parametrize(
    ("ports", "service", "found"),
    [
        (("5000",), None, [(5000, 5000)]),
        (("8888:5000", ":6000"), None, [(8888, 5000), (0, 6000)]),
        (("http",), None, [(8080, 8080)]),
        (("80",), SERVICE, [(80, 8080)]),
        (("8443:web",), SERVICE, [(8443, 8080)]),
    ],
)
def test_port_pairs(ports: tuple[str, ...], service: dict[str, Any] | None, found: list[tuple[int, int]]) -> None:
    assert pairs(ForwardOptions("x", ports, ()), POD, service) == found


def test_a_port_that_a_service_does_not_have_is_refused() -> None:
    with pytest.raises(CliError, match="Service s does not have a service port 99"):
        pairs(ForwardOptions("x", ("99",), ()), POD, SERVICE)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/tmp/a", Place("/tmp/a")),
        ("./a:b", Place("./a:b")),
        ("pod:/x", Place("/x", "pod")),
        ("ns/pod:x", Place("x", "pod", "ns")),
    ],
)
def test_copy_places(text: str, found: Place) -> None:
    assert place(text) == found


def test_every_describer_exists() -> None:
    import importlib

    for where in DESCRIBERS.values():
        module, _, function = where.partition(":")
        assert callable(getattr(importlib.import_module(f"kubelite.cli.describe.{module}"), function))
