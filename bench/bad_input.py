"""How fast bad requests are refused: `python -m bench.bad_input`.

What: runs every case of `tests/integration/bad_input` against a server of its own and prints the latency of the answers:
median, 99th percentile and maximum, for each table and for all. Why: the goal is upstream's answer within 100 ms. Flow:
tables → one connection per case → the times, of which the slowest cases are named.
"""

from __future__ import annotations

import asyncio
import importlib
import logging

from tests.integration.bad_input.cases import Case, Raw, check, check_raw
from tests.integration.bad_input.seeded import seeded_server

TABLES = ("bodies", "requests", "writes", "specs", "http")
GOAL = 0.1
"""Seconds."""


async def measure(table: str) -> list[tuple[float, str]]:
    """(seconds, id) of every case of a table."""
    cases: list[Case | Raw] = importlib.import_module(f"tests.integration.bad_input.table_{table}").CASES
    times = []
    async with seeded_server() as server:
        for case in cases:
            took = await (check_raw(server, case) if isinstance(case, Raw) else check(server, case))
            times.append((took, case.id))
    return times


def show(name: str, times: list[tuple[float, str]]) -> None:
    """One row of the table."""
    values = sorted(took * 1000 for took, _ in times)
    middle, late = values[len(values) // 2], values[int(len(values) * 0.99)]
    print(f"{name:<10} {len(values):>6} {middle:>8.2f} {late:>8.2f} {values[-1]:>8.2f}")


def main() -> None:
    logging.disable(logging.CRITICAL)
    print(f"{'table':<10} {'cases':>6} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}")
    everything: list[tuple[float, str]] = []
    for table in TABLES:
        times = asyncio.run(measure(table))
        show(table, times)
        everything += times
    show("all", everything)
    late = [(took, id_) for took, id_ in sorted(everything, reverse=True) if took > GOAL]
    print(f"beyond {GOAL * 1000:.0f} ms: {', '.join(f'{id_} ({took * 1000:.0f})' for took, id_ in late) or 'none'}")


if __name__ == "__main__":
    main()
