"""Stateful sets: order, bursts, failed pods, phased updates and roll-backs, scale and status."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.conformance.lab import (
    APPS,
    CORE,
    PODS,
    Lab,
    Report,
    condition,
    ended,
    image_patch,
    images,
    lab,
    name,
    names,
    running,
    status_endpoints,
    template,
    unready,
)

SETS = f"{APPS}/statefulsets"
NAME = "statefulset-controller"
LABELS = {"foo": "bar", "baz": "blah"}
REVISION = "controller-revision-hash"


def stateful_set(replicas: int, **spec: Any) -> dict[str, Any]:
    wanted = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "serviceName": "test"}
    return {"metadata": {"name": "ss", "labels": LABELS}, "spec": {**wanted, "template": template(LABELS), **spec}}


@asynccontextmanager
async def with_set(replicas: int, report: Report = running, **spec: Any) -> AsyncIterator[Lab]:
    """The set `ss` with its service and, if its pods are to be ready, all of them."""
    async with lab(NAME, report=report) as it:
        ports = [{"port": 80}]
        body = {"metadata": {"name": "test"}, "spec": {"clusterIP": "None", "selector": LABELS, "ports": ports}}
        await it.post(f"{CORE}/services", body)
        await it.post(SETS, stateful_set(replicas, **spec))
        if report is running:
            await ready(it, replicas)
        yield it


async def ready(it: Lab, count: int) -> Any:
    """The set as soon as so many pods are there and all of them are ready, and that is its own word too."""
    await it.until_pods(lambda pods: [bool(condition(pod, "Ready")) for pod in pods] == [True] * count)
    return await it.until(f"{SETS}/ss", lambda one: counts(one) == (count, count))


def counts(one: Any) -> tuple[int, int]:
    return one["status"].get("replicas", 0), one["status"].get("readyReplicas", 0)


def happened(it: Lab, *what: str) -> list[tuple[str, str]]:
    return [entry for entry in it.log if entry[0] in what]


async def scale(it: Lab, replicas: int) -> None:
    await it.patch(f"{SETS}/ss", {"spec": {"replicas": replicas}}, "merge")


def first_n(count: int) -> list[str]:
    return [f"ss-{number}" for number in range(count)]


async def looked(it: Lab) -> None:
    """The controller has seen the last change."""
    await it.until(f"{SETS}/ss", lambda one: one["status"].get("observedGeneration") == one["metadata"]["generation"])


async def test_burst_scaling_should_run_to_completion_even_with_unhealthy_pods() -> None:
    """With parallel management neither growth nor shrinking waits for pods that are not ready.

    [sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] Burst scaling should run to completion
    even with unhealthy pods [Slow] [Conformance]
    """
    async with with_set(1, podManagementPolicy="Parallel") as it:
        it.report = unready
        await it.again()
        await scale(it, 3)
        pods = await it.until_pods(lambda found: names(found) == first_n(3))
        await it.until_pods(lambda found: [pod["status"].get("phase") for pod in found] == ["Running"] * 3)
        assert not any(condition(pod, "Ready") for pod in pods[1:])
        it.report = running
        await it.again()
        await ready(it, 3)
        it.report = unready
        await it.again()
        await it.until(f"{SETS}/ss", lambda one: counts(one) == (3, 0))
        await scale(it, 0)
        await it.until(f"{SETS}/ss", lambda one: counts(one) == (0, 0))
        assert await it.items(PODS) == []


async def test_scaling_should_happen_in_predictable_order_and_halt_if_any_stateful_pod_is_unhealthy() -> None:
    """Pods come in ascending and go in descending order, and neither while one of them is not ready.

    [sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] Scaling should happen in predictable order
    and halt if any stateful pod is unhealthy [Slow] [Conformance]
    """
    async with with_set(1) as it:
        it.report = unready
        await it.again()
        await it.until(f"{SETS}/ss", lambda one: counts(one) == (1, 0))
        await scale(it, 3)
        await looked(it)
        assert names(await it.pods()) == ["ss-0"]
        it.report = running
        await it.again()
        await ready(it, 3)
        grown = [(what, called) for called in first_n(3) for what in ("added", "ready")]
        assert [entry for entry in it.log if entry[1] != "ss-0"] == grown[2:]
        it.report = unready
        await it.again()
        await it.until(f"{SETS}/ss", lambda one: counts(one) == (3, 0))
        await scale(it, 0)
        await looked(it)
        assert names(await it.pods()) == first_n(3) and not happened(it, "deleted")
        it.report = running
        await it.again()
        await it.until(PODS, lambda found: found["items"] == [])
        assert happened(it, "deleted") == [("deleted", called) for called in reversed(first_n(3))]


async def test_statefulset_basic_statefulset_functionality_should_recreate_evicted_statefulset() -> None:
    """A pod that fails is deleted and comes again with its name, as often as it takes.

    [sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] Should recreate evicted statefulset
    [Conformance]
    """
    async with with_set(1, lambda pod: ended(pod, 1)) as it:
        first = (await it.until_pods(lambda pods: len(pods) == 1))[0]["metadata"]["uid"]

        def another(found: Any) -> bool:
            return any(pod["metadata"]["uid"] != first for pod in found["items"])

        await it.until(PODS, another)
        it.report = running
        await it.again()
        await ready(it, 1)
        assert names(await it.pods()) == ["ss-0"] and ("deleted", "ss-0") in it.log


async def test_statefulset_basic_statefulset_functionality_should_have_a_working_scale_subresource() -> None:
    """The scale is read, put and patched; the set follows.

    [sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should have a working scale subresource
    [Conformance]
    """
    async with with_set(1) as it:
        found = await it.get(f"{SETS}/ss/scale")
        assert (found["spec"], found["status"]) == ({"replicas": 1}, {"replicas": 1, "selector": "baz=blah,foo=bar"})
        del found["metadata"]["resourceVersion"]
        found["spec"]["replicas"] = 2
        assert (await it.good("PUT", f"{SETS}/ss/scale", found))["spec"]["replicas"] == 2
        assert (await ready(it, 2))["spec"]["replicas"] == 2
        patched = await it.patch(f"{SETS}/ss/scale", {"spec": {"replicas": 4}}, "merge")
        assert patched["spec"]["replicas"] == 4
        assert (await ready(it, 4))["spec"]["replicas"] == 4


async def test_statefulset_functionality_should_list_patch_and_delete_a_collection_of_statefulsets() -> None:
    """The set is found in all namespaces by its labels, is patched, and goes by the new label.

    [sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should list, patch and delete a collection
    of StatefulSets [Conformance]
    """
    async with with_set(1) as it:
        everywhere = "/apis/apps/v1/statefulsets"
        assert [name(one) for one in await it.items(everywhere, "foo=bar")] == ["ss"]
        changed = {"replicas": 2, "template": {"spec": {"containers": [{"name": "httpd", "image": "httpd:2"}]}}}
        patched = await it.patch(f"{SETS}/ss", {"metadata": {"labels": {"ss": "patched"}}, "spec": changed})
        assert patched["metadata"]["labels"] == {**LABELS, "ss": "patched"}
        done = await it.until(
            f"{SETS}/ss", lambda one: (*counts(one), one["status"].get("updatedReplicas")) == (2, 2, 2)
        )
        assert (done["spec"]["replicas"], images(await it.pods())) == (2, ["httpd:2", "httpd:2"])
        await it.good("DELETE", SETS, {"gracePeriodSeconds": 0}, labelSelector="ss=patched")
        assert await it.items(everywhere, "ss=patched") == []


async def revisions(it: Lab) -> tuple[str, str]:
    status = (await it.get(f"{SETS}/ss"))["status"]
    return status["currentRevision"], status["updateRevision"]


def revision_of(pod: Any) -> str:
    return str(pod["metadata"]["labels"][REVISION])


async def rolled(it: Lab, *wanted: str) -> Any:
    """The set as soon as all pods are ready and have these images."""
    await it.until_pods(lambda pods: images(pods) == list(wanted))
    return await ready(it, len(wanted))


async def test_should_perform_canary_updates_and_phased_rolling_updates_of_template_modifications() -> None:
    """Only pods from the partition on get the new template, also those that are deleted on the way.

    [sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should perform canary updates and phased
    rolling updates of template modifications [Conformance]
    """
    async with with_set(3, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 3}}) as it:
        old, same = await revisions(it)
        assert old == same
        await it.patch(f"{SETS}/ss", image_patch("httpd:2"))
        await it.until(f"{SETS}/ss", lambda one: one["status"]["updateRevision"] != old)
        assert images(await it.pods()) == ["httpd:1"] * 3  # the partition lets none through
        await partition(it, 2)
        await rolled(it, "httpd:1", "httpd:1", "httpd:2")
        _, new = await revisions(it)
        for called in ("ss-0", "ss-2"):
            uid = (await it.get(f"{PODS}/{called}"))["metadata"]["uid"]
            await it.delete(f"{PODS}/{called}")
            await it.until_pods(lambda pods, uid=uid: len(pods) == 3 and all(p["metadata"]["uid"] != uid for p in pods))
        await rolled(it, "httpd:1", "httpd:1", "httpd:2")
        assert [revision_of(pod) for pod in sorted(await it.pods(), key=name)] == [old, old, new]
        for number, wanted in ((1, ["httpd:1", "httpd:2", "httpd:2"]), (0, ["httpd:2"] * 3)):
            await partition(it, number)
            await rolled(it, *wanted)
        await it.until(f"{SETS}/ss", lambda one: one["status"]["currentRevision"] == new)
        assert {revision_of(pod) for pod in await it.pods()} == {new}


async def partition(it: Lab, number: int) -> None:
    await it.patch(f"{SETS}/ss", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": number}}}}, "merge")


async def test_should_perform_rolling_updates_and_roll_backs_of_template_modifications() -> None:
    """The last pod changes first, each one when the one before is ready; the old template finds its old revision.

    [sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should perform rolling updates and roll
    backs of template modifications [Conformance]
    """
    async with with_set(3) as it:
        old, _ = await revisions(it)
        for image, wanted in (("httpd:2", ""), ("httpd:1", old)):
            it.log.clear()
            await it.patch(f"{SETS}/ss", image_patch(image))
            await rolled(it, *[image] * 3)
            done = await it.until(
                f"{SETS}/ss", lambda one: one["status"]["currentRevision"] == one["status"]["updateRevision"]
            )
            assert wanted in ("", done["status"]["updateRevision"]) and done["status"].get("updatedReplicas", 3) == 3
            order = [(what, f"ss-{number}") for number in (2, 1, 0) for what in ("deleted", "added", "ready")]
            assert it.log == order
            assert {revision_of(pod) for pod in await it.pods()} == {done["status"]["currentRevision"]}
        found = await it.items(f"{APPS}/controllerrevisions")
        assert sorted(one["revision"] for one in found) == [2, 3]


async def test_statefulset_basic_statefulset_functionality_should_validate_statefulset_status_endpoints() -> None:
    """Conditions go into the status by update and patch, and are seen by who reads and watches.

    [sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should validate Statefulset Status
    endpoints [Conformance]
    """
    async with with_set(1) as it:
        await status_endpoints(it, f"{SETS}/ss")
