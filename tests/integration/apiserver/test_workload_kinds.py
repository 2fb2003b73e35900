"""What workloads, limits and networks have of their own over HTTP: labels of jobs, scale, two versions of an autoscaler."""

from __future__ import annotations

from tests.apienv import ApiEnv
from tests.integration.apiserver.workload_samples import APPS, BATCH, NS, TARGET, WORKLOADS

HPA_V1 = f"/apis/autoscaling/v1{NS}/horizontalpodautoscalers"
HPA_V2 = f"/apis/autoscaling/v2{NS}/horizontalpodautoscalers"


async def test_a_job_gets_a_selector_that_no_other_has(api: ApiEnv) -> None:
    made = (await api.post(f"{BATCH}/jobs", WORKLOADS["jobs"].document())).json()
    uid = made["metadata"]["uid"]
    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    labels = {
        "app": "a",
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "sample",
        "controller-uid": uid,
        "job-name": "sample",
    }
    assert made["spec"]["template"]["metadata"]["labels"] == labels
    assert made["metadata"]["labels"] == labels
    assert (await api.put(f"{BATCH}/jobs/sample", made)).json() == made


async def test_deleting_a_job_without_a_word_about_its_pods_is_warned_of(api: ApiEnv) -> None:
    await api.post(f"{BATCH}/jobs", WORKLOADS["jobs"].document())
    reply = await api.delete(f"{BATCH}/jobs/sample")
    assert "child pods are preserved by default when jobs are deleted" in reply.headers["warning"]
    assert "orphan" in reply.json()["metadata"]["finalizers"]


async def test_jobs_are_found_by_their_successes(api: ApiEnv) -> None:
    await api.post(f"{BATCH}/jobs", WORKLOADS["jobs"].document())
    found = {}
    for number in (0, 1):
        listed = (await api.get(f"{BATCH}/jobs?fieldSelector=status.successful%3D{number}")).json()
        found[number] = len(listed["items"])
    assert found == {0: 1, 1: 0}


async def test_a_stateful_set_is_scaled(api: ApiEnv) -> None:
    await api.post(f"{APPS}/statefulsets", WORKLOADS["statefulsets"].document())
    scale = (await api.get(f"{APPS}/statefulsets/sample/scale")).json()
    assert (scale["spec"], scale["status"]) == ({"replicas": 1}, {"replicas": 0, "selector": "app=a"})
    scale["spec"]["replicas"] = 4
    assert (await api.put(f"{APPS}/statefulsets/sample/scale", scale)).status == 200
    assert (await api.get(f"{APPS}/statefulsets/sample")).json()["spec"]["replicas"] == 4


async def test_the_template_generation_of_a_daemon_set_counts_changes_of_the_template(api: ApiEnv) -> None:
    key = "deprecated.daemonset.template.generation"
    made = (await api.post(f"{APPS}/daemonsets", WORKLOADS["daemonsets"].document())).json()
    assert made["metadata"]["annotations"][key] == "1"
    await api.patch(f"{APPS}/daemonsets/sample", {"spec": {"minReadySeconds": 1}})
    change = {"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}, "metadata": {"annotations": {key: "77"}}}
    changed = (await api.patch(f"{APPS}/daemonsets/sample", change)).json()
    assert changed["metadata"]["annotations"][key] == "2"
    old = (await api.get(f"/apis/extensions/v1beta1{NS}/daemonsets/sample")).json()
    assert old["spec"]["templateGeneration"] == 2 and key not in old["metadata"].get("annotations", {})


async def test_an_autoscaler_of_v2_survives_a_client_of_v1(api: ApiEnv) -> None:
    metrics = [
        {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "5"}}},
        {
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
        },
    ]
    behavior = {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}
    spec = {"maxReplicas": 5, "scaleTargetRef": TARGET, "metrics": metrics, "behavior": behavior}
    made = (await api.post(HPA_V2, {"metadata": {"name": "h"}, "spec": spec})).json()
    seen = (await api.get(f"{HPA_V1}/h")).json()
    assert seen["spec"]["targetCPUUtilizationPercentage"] == 70
    assert '"metricName":"m"' in seen["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/metrics"]
    seen["spec"]["maxReplicas"] = 9
    assert (await api.put(f"{HPA_V1}/h", seen)).status == 200
    kept = (await api.get(f"{HPA_V2}/h")).json()
    assert kept["spec"] == {**made["spec"], "maxReplicas": 9}
    assert "annotations" not in kept["metadata"]


async def test_a_limit_range_without_a_name_gets_one(api: ApiEnv) -> None:
    reply = await api.post(f"/api/v1{NS}/limitranges", {"spec": {"limits": []}})
    assert reply.status == 201 and reply.json()["metadata"]["name"]
