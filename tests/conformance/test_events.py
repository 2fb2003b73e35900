"""Events, of the core group and of events.k8s.io."""

from __future__ import annotations

from typing import Any

from tests.apienv import ApiEnv
from tests.conformance.harness import eventually, good, namespace

LABEL = {"testevent-set": "true"}
SELECTED = {"labelSelector": "testevent-set=true"}
GROUP = "/apis/events.k8s.io/v1"
SERIES = {"count": 100, "lastObservedTime": "2017-09-19T13:49:16.000000Z"}


def core_event(name: str, place: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": LABEL},
        "message": f"This is {name}",
        "reason": "Test",
        "type": "Normal",
        "count": 1,
        "source": {"component": "test-controller"},
        "involvedObject": {"kind": "Event", "namespace": place.rpartition("/")[2]},
    }


def event(name: str, place: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": LABEL},
        "regarding": {"namespace": place.rpartition("/")[2]},
        "eventTime": "2017-09-19T13:49:16.000000Z",
        "note": f"This is {name}",
        "action": "Do",
        "reason": "Test",
        "type": "Normal",
        "reportingController": "test-controller",
        "reportingInstance": "test-node",
    }


async def names(api: ApiEnv, path: str, **query: str) -> list[str]:
    return [one["metadata"]["name"] for one in good(await api.get(path, query=query or SELECTED))["items"]]


async def test_events_should_manage_the_lifecycle_of_an_event(api: ApiEnv) -> None:
    """An event is created, found in the list of all namespaces, patched, given a series by an update, and deleted.

    [sig-instrumentation] Events should manage the lifecycle of an event [Conformance]
    """
    place = await namespace(api)
    path = f"{place}/events"
    made = good(await api.post(path, core_event("event-test", place)), 201)
    assert await names(api, "/api/v1/events") == ["event-test"]
    patch = {"message": "This is a test event - patched"}
    assert good(await api.patch(f"{path}/event-test", patch, "strategic"))["message"] == patch["message"]
    read = good(await api.get(f"{path}/event-test"))
    assert (read["message"], read["metadata"]["uid"]) == (patch["message"], made["metadata"]["uid"])
    updated = good(await api.put(f"{path}/event-test", read | {"series": SERIES}))
    assert updated["series"] == SERIES
    assert good(await api.get(f"{path}/event-test"))["series"] == SERIES
    good(await api.delete(f"{path}/event-test"), 200)
    assert await names(api, "/api/v1/events") == []


async def test_events_should_delete_a_collection_of_events(api: ApiEnv) -> None:
    """Three labelled events go by one deletion with their label; one with another label stays.

    [sig-instrumentation] Events should delete a collection of events [Conformance]
    """
    place = await namespace(api)
    path = f"{place}/events"
    for number in range(1, 4):
        good(await api.post(path, core_event(f"test-event-{number}", place)), 201)
    good(await api.post(path, core_event("other", place) | {"metadata": {"name": "other"}}), 201)
    assert len(await names(api, path)) == 3
    good(await api.request("DELETE", path, query=SELECTED), 200)
    assert (await names(api, path), await names(api, path, fieldSelector="metadata.name=other")) == ([], ["other"])


async def test_should_ensure_that_an_event_can_be_fetched_patched_deleted_and_listed(api: ApiEnv) -> None:
    """An event of events.k8s.io is read, patched, updated and deleted, and both groups find it by its controller.

    [sig-instrumentation] Events API should ensure that an event can be fetched, patched, deleted, and listed
    [Conformance]
    """
    place = await namespace(api)
    path = f"{GROUP}/namespaces/conformance/events"
    made = good(await api.post(path, event("event-test", place)), 201)
    assert made["apiVersion"] == "events.k8s.io/v1"
    assert await names(api, f"{GROUP}/events") == ["event-test"]
    assert await names(api, path, fieldSelector="reportingController=test-controller") == ["event-test"]
    assert await names(api, f"{place}/events", fieldSelector="source=test-controller") == ["event-test"]
    assert await names(api, f"{place}/events", fieldSelector="reportingComponent=test-controller") == ["event-test"]
    # The entry speaks of a note; since 1.19 all but the series is fixed through events.k8s.io, and the series is patched.
    good(await api.patch(f"{path}/event-test", {"note": "patched"}, "strategic"), 422)
    series = {"series": {"count": 2, "lastObservedTime": "2017-09-19T13:49:11.000000Z"}}
    good(await api.patch(f"{path}/event-test", series, "strategic"), 200)
    read = good(await api.get(f"{path}/event-test"))
    assert (read["series"], read["eventTime"]) == (series["series"], made["eventTime"])
    good(await api.put(f"{path}/event-test", read | {"series": SERIES}), 200)
    assert good(await api.get(f"{path}/event-test"))["series"] == SERIES
    good(await api.delete(f"{path}/event-test"), 200)
    assert await names(api, f"{GROUP}/events") == []


async def test_events_api_should_delete_a_collection_of_events(api: ApiEnv) -> None:
    """Three events of events.k8s.io are listed by their label and go by one deletion with it.

    [sig-instrumentation] Events API should delete a collection of events [Conformance]
    """
    place = await namespace(api)
    path = f"{GROUP}/namespaces/conformance/events"
    for number in range(1, 4):
        good(await api.post(path, event(f"test-event-{number}", place)), 201)
    assert len(await names(api, path)) == 3
    good(await api.request("DELETE", path, query=SELECTED), 200)

    async def gone() -> bool:
        return await names(api, path) == []

    await eventually(gone)
