"""The text that a monitoring system reads."""

from __future__ import annotations

import pytest

from kubelite.util.metrics import Registry, add_process_metrics


def test_metrics_are_written_in_the_exposition_format() -> None:
    registry = Registry()
    requests = registry.counter("requests_total", "Requests.", ("verb", "code"))
    requests.inc("GET", "200")
    requests.inc("GET", "200", by=2)
    requests.inc('say "hi"\n\\', "500")
    registry.gauge("depth", "Depth.").set(2.5)
    registry.gauge("read", "Read.", read=lambda: 7)
    assert registry.render() == (
        "# HELP depth Depth.\n# TYPE depth gauge\ndepth 2.5\n"
        "# HELP read Read.\n# TYPE read gauge\nread 7\n"
        "# HELP requests_total Requests.\n# TYPE requests_total counter\n"
        'requests_total{verb="GET",code="200"} 3\n'
        'requests_total{verb="say \\"hi\\"\\n\\\\",code="500"} 1\n'
    )


def test_histograms_count_cumulatively() -> None:
    registry = Registry()
    durations = registry.histogram("seconds", "Seconds.", ("verb",), buckets=(0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 3.0):
        durations.observe(value, "GET")
    assert registry.render().splitlines()[2:] == [
        'seconds_bucket{verb="GET",le="0.1"} 2',
        'seconds_bucket{verb="GET",le="1"} 3',
        'seconds_bucket{verb="GET",le="+Inf"} 4',
        'seconds_sum{verb="GET"} 3.65',
        'seconds_count{verb="GET"} 4',
    ]


def test_large_numbers_keep_all_their_digits() -> None:
    registry = Registry()
    counter = registry.counter("bytes_total", "Bytes.")
    counter.inc(by=123_456_789)
    counter.inc()
    assert "bytes_total 123456790\n" in registry.render()


def test_two_metrics_of_one_name_are_refused() -> None:
    registry = Registry()
    registry.counter("a", "A.")
    with pytest.raises(ValueError, match="two metrics named a"):
        registry.gauge("a", "A.")


def test_a_process_tells_of_its_memory_and_cpu_time() -> None:
    registry = Registry()
    add_process_metrics(registry)
    values = dict(line.split(" ") for line in registry.render().splitlines() if not line.startswith("#"))
    assert float(values["process_resident_memory_bytes"]) > 1_000_000
    assert float(values["process_cpu_seconds_total"]) > 0
