"""How many requests a process sends to its API server, and how long the answers take.

What: `Calls.note` counts one; `Calls.tell` puts the numbers into a registry. Why: whether a component is slow or its API server
is shows here, under the names that everybody's dashboards know. Flow: `transport.Transport` notes each exchange, those that are
repeated each time; a stream (watch, logs) counts when its head is there.
Source: k8s.io/component-base/metrics/prometheus/restclient.
"""

from __future__ import annotations

from bisect import bisect_left

from kubelite.util.metrics import Histogram, Registry

BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
FAILED = "<error>"


class Calls:
    """The requests to one server."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._numbers: dict[tuple[bytes, int], int] = {}
        self._rows: dict[bytes, list[float]] = {}
        text = "Request latency in seconds. Broken down by verb, and host."
        self._durations = Histogram("rest_client_request_duration_seconds", text, ("host", "verb"), BUCKETS)

    def note(self, head: bytes, status: int, seconds: float) -> None:
        """A request whose head begins with its method has ended; status 0: without an answer."""
        method = head[: head.index(b" ")]
        key = method, status
        self._numbers[key] = self._numbers.get(key, 0) + 1
        row = self._rows.get(method)
        if row is None:
            row = self._rows[method] = self._durations.row(self.host, method.decode("latin-1"))
        row[bisect_left(BUCKETS, seconds)] += 1
        row[-1] += seconds

    def tell(self, registry: Registry) -> None:
        """Shows the numbers among the metrics of a process."""
        registry.add(self._durations)
        text = "Number of HTTP requests, partitioned by status code, method, and host."
        registry.collect("rest_client_requests_total", text, "counter", ("code", "host", "method"), self._read)

    def _read(self) -> list[tuple[tuple[str, ...], float]]:
        return [
            ((str(status) if status else FAILED, self.host, method.decode("latin-1")), float(number))
            for (method, status), number in self._numbers.items()
        ]
