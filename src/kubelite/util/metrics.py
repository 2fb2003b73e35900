"""Counters, gauges and histograms in the Prometheus text format.

What: `Registry` makes and renders metrics. Why: a whole client library costs memory that each daemon would pay.
Flow: code calls `counter.inc("GET", "pods")`; `registry.render()` gives the text for /metrics.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Sequence

DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    """All digits: six of them, as `g` gives, would make a counter above a million stand still."""
    return str(int(value)) if float(value).is_integer() else repr(value)


def _labels(names: Sequence[str], values: Sequence[str], extra: str = "") -> str:
    pairs = [f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True)]
    if extra:
        pairs.append(extra)
    return f"{{{','.join(pairs)}}}" if pairs else ""


class Counter:
    """A number that grows, per combination of label values."""

    kind = "counter"

    def __init__(self, name: str, text: str, labels: Sequence[str] = ()) -> None:
        self.name, self.text, self.labels = name, text, tuple(labels)
        self.values: dict[tuple[str, ...], float] = {}

    def inc(self, *labels: str, by: float = 1) -> None:
        self.values[labels] = self.values.get(labels, 0) + by

    def render(self) -> list[str]:
        return [
            f"{self.name}{_labels(self.labels, key)} {_number(value)}" for key, value in sorted(self.values.items())
        ]


class Gauge(Counter):
    """A number that goes up and down; `read` computes it at scrape time."""

    kind = "gauge"

    def __init__(
        self, name: str, text: str, labels: Sequence[str] = (), read: Callable[[], float] | None = None
    ) -> None:
        super().__init__(name, text, labels)
        self.read = read

    def set(self, value: float, *labels: str) -> None:
        self.values[labels] = value

    def render(self) -> list[str]:
        if self.read is not None:
            self.values[()] = self.read()
        return super().render()


class Histogram:
    """Observations counted in buckets."""

    kind = "histogram"

    def __init__(
        self, name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = DEFAULT_BUCKETS
    ) -> None:
        self.name, self.text, self.labels, self.buckets = name, text, tuple(labels), tuple(buckets)
        self.values: dict[tuple[str, ...], list[float]] = {}

    def observe(self, value: float, *labels: str) -> None:
        row = self.row(*labels)
        row[bisect.bisect_left(self.buckets, value)] += 1
        row[-1] += value

    def row(self, *labels: str) -> list[float]:
        """Counts for each bucket, then those above, then the sum: for code that observes the same labels again and again."""
        row = self.values.get(labels)
        if row is None:
            row = self.values[labels] = [0.0] * (len(self.buckets) + 2)
        return row

    def render(self) -> list[str]:
        lines = []
        bounds = [f'le="{bound}"}} ' for bound in (*map(_number, self.buckets), "+Inf")]
        for key, row in sorted(self.values.items()):
            # A big cluster has thousands of rows, and nothing else runs while they are written: the labels are made once.
            labels = _labels(self.labels, key)
            start = f"{self.name}_bucket{labels[:-1]}," if labels else f"{self.name}_bucket{{"
            total, numbers = 0.0, []
            for count in row[:-1]:
                total += count
                numbers.append(int(total))
            lines += [f"{start}{bound}{number}" for bound, number in zip(bounds, numbers, strict=True)]
            lines.append(f"{self.name}_sum{labels} {_number(row[-1])}")
            lines.append(f"{self.name}_count{labels} {int(total)}")
        return lines


class Collected:
    """Numbers that are kept elsewhere and read when they are scraped."""

    def __init__(self, name: str, text: str, kind: str, labels: Sequence[str], read: Read) -> None:
        self.name, self.text, self.kind, self.labels, self.read = name, text, kind, tuple(labels), read

    def render(self) -> list[str]:
        return [f"{self.name}{_labels(self.labels, key)} {_number(value)}" for key, value in sorted(self.read())]


Read = Callable[[], Iterable[tuple[tuple[str, ...], float]]]
"""(label values, number) of each line."""


class Registry:
    """All metrics of a process."""

    def __init__(self) -> None:
        self._metrics: dict[str, Counter | Histogram | Collected] = {}

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        metric = Counter(name, text, labels)
        self.add(metric)
        return metric

    def gauge(self, name: str, text: str, labels: Sequence[str] = (), read: Callable[[], float] | None = None) -> Gauge:
        metric = Gauge(name, text, labels, read)
        self.add(metric)
        return metric

    def histogram(
        self, name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = DEFAULT_BUCKETS
    ) -> Histogram:
        metric = Histogram(name, text, labels, buckets)
        self.add(metric)
        return metric

    def collect(self, name: str, text: str, kind: str, labels: Sequence[str], read: Read) -> None:
        """A "counter" or "gauge" that `read` tells; a later reader of that name replaces this one."""
        self._metrics[name] = Collected(name, text, kind, labels, read)

    def add(self, metric: Counter | Histogram) -> None:
        """A metric that was made elsewhere."""
        if metric.name in self._metrics:
            raise ValueError(f"two metrics named {metric.name}")
        self._metrics[metric.name] = metric

    def render(self) -> str:
        """The exposition text, metrics in order of their names."""
        lines = []
        for name in sorted(self._metrics):
            metric = self._metrics[name]
            lines += [f"# HELP {name} {metric.text}", f"# TYPE {name} {metric.kind}", *metric.render()]
        return "\n".join(lines) + "\n"


def add_process_metrics(registry: Registry) -> None:
    """Memory and CPU seconds of this process, read from /proc when scraped."""
    import os

    page, tick = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")

    def resident() -> float:
        with open("/proc/self/statm", encoding="ascii") as file:
            return float(int(file.read().split()[1]) * page)

    def cpu() -> float:
        with open("/proc/self/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / tick

    def started() -> float:
        with open("/proc/self/stat", encoding="ascii") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        with open("/proc/stat", encoding="ascii") as file:
            booted = next(int(line.split()[1]) for line in file if line.startswith("btime"))
        return booted + ticks / tick

    def files() -> float:
        return float(len(os.listdir("/proc/self/fd")))

    def virtual() -> float:
        with open("/proc/self/statm", encoding="ascii") as file:
            return float(int(file.read().split()[0]) * page)

    def most_files() -> float:
        import resource

        return float(resource.getrlimit(resource.RLIMIT_NOFILE)[0])

    def once(read: Callable[[], float]) -> Read:
        return lambda: [((), read())]

    registry.gauge("process_resident_memory_bytes", "Resident memory size in bytes.", read=resident)
    registry.collect(
        "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", "counter", (), once(cpu)
    )
    registry.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", read=virtual)
    registry.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", read=started)
    registry.gauge("process_open_fds", "Number of open file descriptors.", read=files)
    registry.gauge("process_max_fds", "Maximum number of open file descriptors.", read=most_files)
