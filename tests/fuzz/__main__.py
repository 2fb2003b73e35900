"""`python -m tests.fuzz --requests 100000 --seed 1`: many generated requests against an API server of the run's own.

What: starts the server, runs, prints the table and what was found. Out: exit code 1 if anything was found or memory grew.
`--only N` sends one request of a seed (after the base state), `--first N --requests 1000` a stretch: how to look at a finding.
"""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import sys
import tempfile

from tests.fuzz.engine import Report, run
from tests.fuzz.process import ServerProcess

GROWTH = 48 * 2**20
"""Bytes that the server may grow by between the first fifth of a run and its end."""
FLAGS = ("--watch-history=64", "--compaction-interval-seconds=10")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int, default=-1)
    parser.add_argument("--log", default="", help="where to keep the server's log")
    return parser.parse_args()


def show(report: Report) -> int:
    """Prints the table; the exit code."""
    grown = report.memory_end - report.memory_start
    print(f"requests   {report.requests} in {report.seconds:.0f} s")
    print("answers    " + ", ".join(f"{status}: {count}" for status, count in sorted(report.statuses.items())))
    print(f"slowest    {report.slowest * 1000:.0f} ms {report.slowest_request[:300]}")
    print(f"memory     {report.memory_start / 2**20:.1f} MiB, at the end {report.memory_end / 2**20:.1f} MiB")
    print(f"findings   {len(report.findings)}")
    for finding in report.findings:
        print(f"  {finding.shown()}")
    if grown > GROWTH:
        print(f"memory grew by {grown / 2**20:.1f} MiB, allowed are {GROWTH / 2**20:.0f}")
    return int(bool(report.findings) or grown > GROWTH)


def main() -> int:
    """One run."""
    options = arguments()
    numbers = [options.only] if options.only >= 0 else range(options.first, options.first + options.requests)
    with tempfile.TemporaryDirectory(prefix="kubelite-fuzz-") as folder:
        server = ServerProcess(pathlib.Path(folder), *FLAGS)
        server.start()

        def progress(report: Report) -> None:
            if report.requests % 5200 == 0:
                print(
                    f"  {report.requests}: {server.memory() / 2**20:.1f} MiB, {len(report.findings)} findings",
                    flush=True,
                )

        try:
            report = asyncio.run(
                run(server.port, options.seed, numbers, server.memory, progress, server.written, server.busy)
            )
            if not server.alive:
                print("the server ended")
                print(server.log.read_text()[-3000:])
        finally:
            server.stop()
            if options.log:
                pathlib.Path(options.log).write_bytes(server.log.read_bytes())
        return show(report)


if __name__ == "__main__":
    sys.exit(main())
