"""Old API versions: their defaults and forms, and that nothing is lost on the way there and back."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api import KINDS, scheme
from kubelite.machinery import codec
from kubelite.machinery.kind import Kind
from tests.unit.api.objects import encoded, pod_spec, texts

OLDER = [kind for kind in KINDS if kind.stored_as is not None and kind.deprecation]
TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": pod_spec()}


def find(api_version: str, kind: str) -> Kind:
    found = scheme().by_kind(api_version, kind)
    assert found is not None
    return found


def stored(api_version: str, kind: str, **spec: Any) -> Any:
    """What is kept of an object of an old version."""
    old = find(api_version, kind)
    assert old.to_stored is not None
    obj = old.to_stored(codec.convert({"metadata": {"name": "x"}, "spec": spec}, old.type))
    old.storage_kind.set_defaults(obj)
    return obj


def served(api_version: str, kind: str, obj: Any) -> Any:
    old = find(api_version, kind)
    assert old.from_stored is not None
    return encoded(old.from_stored(codec.clone(obj)))


@pytest.mark.parametrize(
    ("api_version", "history", "deadline", "step"),
    [
        ("extensions/v1beta1", 2**31 - 1, 2**31 - 1, 1),
        ("apps/v1beta1", 2, 600, "25%"),
        ("apps/v1beta2", 10, 600, "25%"),
    ],
)
def test_a_deployment_has_the_defaults_of_its_time(
    api_version: str, history: int, deadline: int, step: int | str
) -> None:
    selector = {"matchLabels": {"app": "a"}} if api_version == "apps/v1beta2" else None
    spec = {"template": TEMPLATE, **({"selector": selector} if selector else {})}
    found = encoded(stored(api_version, "Deployment", **spec))["spec"]
    assert found["selector"] == {"matchLabels": {"app": "a"}}
    assert (found["revisionHistoryLimit"], found["progressDeadlineSeconds"]) == (history, deadline)
    assert found["strategy"]["rollingUpdate"] == {"maxSurge": step, "maxUnavailable": step}


def test_a_selector_was_not_guessed_any_more_in_apps_v1beta2() -> None:
    kind = find("apps/v1beta2", "Deployment")
    found = stored("apps/v1beta2", "Deployment", template=TEMPLATE)
    assert texts(kind.validate(found)) == ["spec.selector: Required value"]


@pytest.mark.parametrize(
    ("api_version", "kind", "strategy"),
    [
        ("extensions/v1beta1", "DaemonSet", "OnDelete"),
        ("apps/v1beta2", "DaemonSet", "RollingUpdate"),
        ("apps/v1beta1", "StatefulSet", "OnDelete"),
        ("apps/v1beta2", "StatefulSet", "RollingUpdate"),
    ],
)
def test_pods_waited_for_somebody_to_delete_them(api_version: str, kind: str, strategy: str) -> None:
    found = stored(api_version, kind, template=TEMPLATE)
    assert found.spec.updateStrategy.type == strategy
    assert bool(found.spec.selector) == (api_version != "apps/v1beta2")


def test_fields_that_have_gone_are_kept_in_annotations() -> None:
    deployment = stored("extensions/v1beta1", "Deployment", template=TEMPLATE, rollbackTo={"revision": 3})
    assert deployment.metadata.annotations == {"deprecated.deployment.rollback.to": "3"}
    shown = served("extensions/v1beta1", "Deployment", deployment)
    assert shown["spec"]["rollbackTo"] == {"revision": 3} and "annotations" not in shown["metadata"]
    daemon = stored("extensions/v1beta1", "DaemonSet", template=TEMPLATE, templateGeneration=4)
    assert served("extensions/v1beta1", "DaemonSet", daemon)["spec"]["templateGeneration"] == 4


OLD_BACKEND = {"serviceName": "s", "servicePort": "http"}
BACKEND = {"service": {"name": "s", "port": {"name": "http"}}}


@pytest.mark.parametrize("api_version", ["extensions/v1beta1", "networking.k8s.io/v1beta1"])
def test_an_ingress_named_service_and_port_side_by_side(api_version: str) -> None:
    old = {
        "ingressClassName": "c",
        "backend": {"serviceName": "d", "servicePort": 80},
        "rules": [{"host": "a.b", "http": {"paths": [{"path": "/x", "backend": OLD_BACKEND}]}}],
        "tls": [{"hosts": ["a.b"], "secretName": "t"}],
    }
    found = stored(api_version, "Ingress", **old)
    paths = [{"path": "/x", "pathType": "ImplementationSpecific", "backend": BACKEND}]
    assert encoded(found)["spec"] == {
        "ingressClassName": "c",
        "defaultBackend": {"service": {"name": "d", "port": {"number": 80}}},
        "rules": [{"host": "a.b", "http": {"paths": paths}}],
        "tls": old["tls"],
    }
    old["rules"][0]["http"]["paths"][0]["pathType"] = "ImplementationSpecific"  # type: ignore[index]
    assert served(api_version, "Ingress", found)["spec"] == old


def test_an_ingress_with_a_resource_behind_it() -> None:
    backend = {"resource": {"kind": "K", "name": "n"}}
    found = stored("networking.k8s.io/v1beta1", "Ingress", backend=backend)
    assert encoded(found)["spec"] == {"defaultBackend": backend}
    assert served("networking.k8s.io/v1beta1", "Ingress", found)["spec"] == {"backend": backend}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"matchExpressions": [{"key": "pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match", "operator": "Exists"}]}),
        ({"matchLabels": {"a": "b"}}, {"matchLabels": {"a": "b"}}),
    ],
)  # fmt: skip
def test_the_empty_selector_of_an_old_budget_means_no_pod(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = stored("policy/v1beta1", "PodDisruptionBudget", selector=old)
    assert encoded(found)["spec"]["selector"] == new
    assert served("policy/v1beta1", "PodDisruptionBudget", found)["spec"]["selector"] == old


def test_the_empty_selector_of_a_budget_means_all_pods_in_the_old_version_too() -> None:
    kind = find("policy/v1", "PodDisruptionBudget")
    obj = codec.convert({"metadata": {"name": "x"}, "spec": {"selector": {}}}, kind.type)
    shown = served("policy/v1beta1", "PodDisruptionBudget", obj)["spec"]["selector"]
    assert [one["operator"] for one in shown["matchExpressions"]] == ["DoesNotExist"]


METRICS: list[Any] = [
    {"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 50}},
    {"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "1Gi"}},
    {
        "type": "ContainerResource",
        "containerResource": {"name": "cpu", "container": "c", "targetAverageUtilization": 5},
    },
    {"type": "Pods", "pods": {"metricName": "m", "targetAverageValue": "5"}},
    {"type": "External", "external": {"metricName": "q", "targetValue": "5"}},
    {
        "type": "Object",
        "object": {"target": {"kind": "K", "name": "n"}, "metricName": "o", "targetValue": "7"},
    },
]


def test_the_metrics_of_an_old_autoscaler_come_back_as_they_went() -> None:
    spec = {"maxReplicas": 3, "minReplicas": 1, "scaleTargetRef": {"kind": "Deployment", "name": "d"}}
    found = stored("autoscaling/v2beta1", "HorizontalPodAutoscaler", metrics=METRICS, **spec)
    assert find("autoscaling/v2", "HorizontalPodAutoscaler").validate(found) == []
    shown = served("autoscaling/v2beta1", "HorizontalPodAutoscaler", found)["spec"]
    assert shown["metrics"] == METRICS


@pytest.mark.parametrize("kind", OLDER, ids=lambda kind: f"{kind.api_version}-{kind.kind}")
def test_an_old_version_warns_and_hides_nothing(kind: Kind) -> None:
    assert kind.deprecation.startswith(f"{kind.api_version} {kind.kind} is deprecated in v1.")
    assert kind.deprecation.endswith(f"; use {kind.storage_kind.api_version} {kind.kind}")
    assert kind.key("n", "x") == kind.storage_kind.key("n", "x")
    assert scheme().by_name(kind.plural) is kind.storage_kind


@pytest.mark.parametrize(
    ("api_version", "kind", "words"),
    [
        (
            "extensions/v1beta1",
            "Ingress",
            "deprecated in v1.14+, unavailable in v1.22+; use networking.k8s.io/v1 Ingress",
        ),
        ("batch/v1beta1", "CronJob", "deprecated in v1.21+, unavailable in v1.25+; use batch/v1 CronJob"),
        ("apps/v1beta2", "Deployment", "deprecated in v1.9+, unavailable in v1.16+; use apps/v1 Deployment"),
    ],
)
def test_the_warning_has_upstreams_words(api_version: str, kind: str, words: str) -> None:
    assert find(api_version, kind).deprecation == f"{api_version} {kind} is {words}"
