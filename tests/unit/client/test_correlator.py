"""Events are counted, combined and held back as upstream does."""

from __future__ import annotations

from kubelite.client.correlator import COMBINED, Correlator, Occurrence


def occurrence(message: str = "m", obj: str = "pod-a", reason: str = "Failed") -> Occurrence:
    return Occurrence("kubelet", obj, "Warning", reason, message)


def test_the_same_event_again_raises_the_count_and_keeps_name_and_first_time():
    correlator = Correlator()
    first = correlator.see(occurrence(), now=0, name="one", time="t1")
    again = correlator.see(occurrence(), now=1, name="two", time="t2")
    assert first is not None and again is not None
    assert (again[0].name, again[0].first, again[0].count) == ("one", "t1", 2)


def test_events_of_other_objects_and_reasons_are_new():
    correlator = Correlator()
    names = set()
    for index, event in enumerate((occurrence(), occurrence(obj="pod-b"), occurrence(reason="Other"), occurrence("n"))):
        seen = correlator.see(event, now=0, name=str(index), time="t")
        assert seen is not None
        names.add(seen[0].name)
    assert names == {"0", "1", "2", "3"}


def test_many_events_that_differ_only_in_their_message_are_combined():
    correlator = Correlator()
    seen = [correlator.see(occurrence(f"m{i}"), now=i, name=str(i), time="t") for i in range(12)]
    assert seen[8] is not None and seen[8][1] == "m8"
    assert seen[10] is not None and seen[11] is not None
    assert seen[11][1] == f"{COMBINED}m11"
    assert seen[10][0] is seen[11][0]


def test_one_object_may_speak_25_times_then_once_in_five_minutes():
    correlator = Correlator()
    spoken = [correlator.see(occurrence(), now=0, name="n", time="t") is not None for _ in range(30)]
    assert spoken == [True] * 25 + [False] * 5
    assert correlator.see(occurrence(), now=301, name="n", time="t") is not None
    assert correlator.see(occurrence(), now=302, name="n", time="t") is None
    assert correlator.see(occurrence(obj="pod-b"), now=302, name="n", time="t") is not None
