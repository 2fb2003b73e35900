"""Jobs: their pods, how they end, adoption, and their life as objects."""

from __future__ import annotations

from typing import Any

from tests.conformance.jobs import INDEX, JOBS, NAME, ended_with, index_of, job, run
from tests.conformance.lab import (
    PODS,
    condition,
    controller_of,
    ended,
    lab,
    name,
    running,
    succeeded,
)


async def test_job_should_adopt_matching_orphans_and_release_non_matching_pods() -> None:
    """A pod that lost its owner is taken back; one whose labels no longer match is let go.

    [sig-apps] Job should adopt matching orphans and release non-matching pods [Conformance]
    """
    async with lab(NAME) as it:
        made = await it.post(JOBS, job("adopt-release", parallelism=2, completions=4))
        (first, _) = await it.until_pods(lambda pods: len(pods) == 2)
        path = f"{PODS}/{name(first)}"
        orphaned = await it.update(path, lambda one: one["metadata"].pop("ownerReferences"))
        assert "ownerReferences" not in orphaned["metadata"]
        adopted = await it.until(path, controller_of)
        (owner,) = adopted["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("Job", made["metadata"]["uid"], True)
        await it.update(path, lambda one: one["metadata"].pop("labels"))
        released = await it.until(path, lambda one: not controller_of(one))
        assert "finalizers" not in released["metadata"]
        await it.until_pods(lambda pods: len(pods) == 3)


async def test_allow_to_use_a_pod_failure_policy_to_ignore_failure_matching_on_disruptiontarget_condition() -> None:
    """Evicted pods do not count as failed where a rule ignores their condition; the indexes run again and end well.

    [sig-apps] Job should allow to use a pod failure policy to ignore failure matching on DisruptionTarget condition
    [Conformance]
    """
    rules = [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [0]}},
    ]
    body = job("ignore", completions=2, parallelism=2, backoffLimit=0, podFailurePolicy={"rules": rules}, indexed=True)
    async with lab(NAME) as it:
        await it.post(JOBS, body)
        pods = await it.until_pods(lambda found: [pod["status"].get("phase") for pod in found] == ["Running"] * 2)
        evicted = {name(pod) for pod in pods}
        it.report = lambda pod: running(pod) if name(pod) in evicted else succeeded(pod)
        for pod in pods:
            eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name(pod)}}
            await it.post(f"{PODS}/{name(pod)}/eviction", eviction)
        done = await ended_with(it, "ignore", "Complete")
        assert done["status"]["succeeded"] == 2 and done["status"].get("failed", 0) == 0


async def test_job_should_allow_to_use_the_pod_failure_policy_on_exit_code_to_fail_the_job_early() -> None:
    """One pod with the exit code of the rule fails the job, with the rest of the back-off limit unused.

    [sig-apps] Job should allow to use the pod failure policy on exit code to fail the job early [Conformance]
    """
    rules = [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1]}}]
    async with lab(NAME, report=lambda pod: ended(pod, 1)) as it:
        body = job("early", completions=2, parallelism=1, backoffLimit=1, podFailurePolicy={"rules": rules})
        await it.post(JOBS, body)
        done = await ended_with(it, "early", "Failed")
        assert done["status"]["failed"] == 1 and len(await it.items(PODS)) == 1
        for type_ in ("FailureTarget", "Failed"):
            found = condition(done, type_)
            (pod,) = await it.items(PODS)
            told = (
                f"Container httpd for pod default/{name(pod)} failed with exit code 1 matching FailJob rule at index 0"
            )
            assert (found["reason"], found["message"]) == ("PodFailurePolicy", told)


async def test_job_should_apply_changes_to_a_job_status() -> None:
    """Status and annotations go in by a patch of the status, conditions by an update; what has started has started.

    [sig-apps] Job should apply changes to a job status [Conformance]
    """
    async with lab(NAME) as it:
        path = f"{JOBS}/changed"
        await it.post(JOBS, job("changed", parallelism=2, completions=4))
        found = await it.until(path, lambda one: one["status"].get("ready") == 2)
        custom = {"type": "CustomConditionType", "status": "True", "lastTransitionTime": found["status"]["startTime"]}
        patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"conditions": [custom]}}
        patched = await it.patch(f"{path}/status", patch, "merge")
        assert patched["metadata"]["annotations"] == {"patchedstatus": "true"}
        assert condition(patched, "CustomConditionType")
        updated = await it.update(
            path, lambda one: condition(one, "CustomConditionType").update(reason="It"), "/status"
        )
        assert condition(updated, "CustomConditionType")["reason"] == "It"
        assert condition(await it.get(f"{path}/status"), "CustomConditionType")["reason"] == "It"
        late = {"status": {"startTime": "2026-01-01T00:00:00Z"}}
        code, refused = await it.call("PATCH", f"{path}/status", late, "merge")
        told = 'Invalid value: "2026-01-01T00:00:00Z": field is immutable for unsuspended job once set'
        assert (code, refused["message"]) == (422, f'Job.batch "changed" is invalid: status.startTime: {told}')


async def test_job_should_create_pods_for_an_indexed_job_with_completion_indexes_and_specified_hostname() -> None:
    """Each pod knows its index by annotation, label, variable and host name; all indexes complete.

    [sig-apps] Job should create pods for an Indexed job with completion indexes and specified hostname [Conformance]
    """
    async with lab(NAME, report=succeeded) as it:
        done = await run(it, job("indexed-job", parallelism=2, completions=4, backoffLimit=6, indexed=True), "Complete")
        assert (done["status"]["completedIndexes"], done["status"]["succeeded"]) == ("0-3", 4)
        pods = sorted(await it.items(PODS), key=index_of)
        assert [index_of(pod) for pod in pods] == [0, 1, 2, 3]
        for number, pod in enumerate(pods):
            assert pod["spec"]["hostname"] == f"indexed-job-{number}" and name(pod).startswith(f"indexed-job-{number}-")
            (variable,) = pod["spec"]["containers"][0]["env"]
            assert variable["name"] == "JOB_COMPLETION_INDEX"
            assert variable["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{INDEX}']"
            assert pod["metadata"]["labels"][INDEX] == str(number)


async def test_job_should_delete_a_job() -> None:
    """A job that is deleted takes the pods along that run.

    [sig-apps] Job should delete a job [Conformance]
    """
    async with lab(NAME, "garbage-collector-controller") as it:
        await it.post(JOBS, job("foo", parallelism=2, completions=4))
        await it.until(f"{JOBS}/foo", lambda one: one["status"].get("active") == 2)
        await it.delete(f"{JOBS}/foo", propagationPolicy="Background")
        await it.absent(f"{JOBS}/foo")
        await it.until(PODS, lambda found: found["items"] == [])


async def test_job_should_manage_the_lifecycle_of_a_job() -> None:
    """A suspended job is patched, unsuspended, replaced, found in all namespaces, and deleted by its label.

    [sig-apps] Job should manage the lifecycle of a job [Conformance]
    """
    async with lab(NAME, "garbage-collector-controller", report=succeeded) as it:
        path = f"{JOBS}/e2e-job"
        await it.post(JOBS, job("e2e-job", parallelism=2, completions=4, suspend=True))
        stopped = await it.until(path, lambda one: condition(one, "Suspended"))
        assert condition(stopped, "Suspended")["reason"] == "JobSuspended" and await it.items(PODS) == []
        patched = await it.patch(path, {"metadata": {"labels": {"e2e-job": "patched"}}})
        assert patched["metadata"]["labels"]["e2e-job"] == "patched"

        def resume(one: Any) -> None:
            one["spec"]["suspend"] = False
            one["metadata"]["annotations"] = {"updated": "true"}

        assert (await it.update(path, resume))["metadata"]["annotations"]["updated"] == "true"
        done = await ended_with(it, "e2e-job", "Complete")
        assert (done["status"]["succeeded"], condition(done, "Suspended", "False")["reason"]) == (4, "JobResumed")
        assert [name(one) for one in await it.items("/apis/batch/v1/jobs", "e2e-job=patched")] == ["e2e-job"]
        options = {"propagationPolicy": "Background"}
        await it.good("DELETE", JOBS, options, labelSelector="e2e-job=patched")
        await it.until("/apis/batch/v1/jobs", lambda found: found["items"] == [], labelSelector="e2e-job=patched")
        await it.until(PODS, lambda found: found["items"] == [])
