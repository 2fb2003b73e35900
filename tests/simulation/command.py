"""The command line of the simulation: seeds in, a table out."""

from __future__ import annotations

import argparse
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

from tests.simulation.determinism import real_seconds
from tests.simulation.simulation import Base, Outcome, simulate


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=20, help="how many runs")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="this run only")
    parser.add_argument("--trace", type=pathlib.Path, help="where the trace of --seed goes")
    parser.add_argument("--trouble", type=float, default=120.0, help="virtual seconds with faults")
    parser.add_argument("--jobs", type=int, default=2, help="how many processes")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if options.part:
        return work([int(word) for word in options.part.split(",")], options.trouble)
    if options.seed is not None:
        with tempfile.TemporaryDirectory(prefix="kubelite-simulation-") as folder:
            outcome = simulate(Base(pathlib.Path(folder)), str(options.seed), options.trouble, options.trace)
        return report([outcome], 0.0)
    seeds = list(range(options.first, options.first + options.seeds))
    began = real_seconds()
    outcomes = []
    for outcome in spread(seeds, options.jobs, options.trouble):
        outcomes.append(outcome)
        progress(outcome, len(outcomes), len(seeds), real_seconds() - began)
    return report(outcomes, real_seconds() - began) or int(len(outcomes) != len(seeds))


def work(seeds: list[int], trouble: float) -> int:
    """One of several processes: an outcome a line."""
    with tempfile.TemporaryDirectory(prefix="kubelite-simulation-") as folder:
        base = Base(pathlib.Path(folder))
        for seed in seeds:
            # A child for each: what a run leaves in the memory of modules must not reach the next.
            child = os.fork()
            if not child:
                print(json.dumps(asdict(simulate(base, str(seed), trouble))), flush=True)
                os._exit(0)
            if os.waitpid(child, 0)[1]:
                return 1
    return 0


def spread(seeds: list[int], jobs: int, trouble: float) -> Iterator[Outcome]:
    """Outcomes as they come."""
    import selectors

    waiting = selectors.DefaultSelector()
    processes = []
    for number in range(min(jobs, len(seeds))):
        part = ",".join(map(str, seeds[number::jobs]))
        command = [sys.executable, "-m", "tests.simulation", "--part", part, "--trouble", str(trouble)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        waiting.register(process.stdout, selectors.EVENT_READ)  # type: ignore[arg-type]
    try:
        while waiting.get_map():
            for key, _ in waiting.select():
                line = key.fileobj.readline()  # type: ignore[union-attr]
                if not line:
                    waiting.unregister(key.fileobj)
                    continue
                yield Outcome(**json.loads(line))
    finally:
        for process in processes:
            process.terminate()
            process.wait()


PROGRESS_SECONDS = 30.0
_told = [0.0]


def progress(outcome: Outcome, done: int, total: int, seconds: float) -> None:
    """A line for each violation, and one now and then."""
    for text in outcome.violations:
        print(f"seed {outcome.seed}: {text}", flush=True)
    if seconds - _told[0] > PROGRESS_SECONDS or done == total:
        _told[0] = seconds
        print(f"{done} of {total} seeds, {done / seconds:.2f} a second", flush=True)


def report(outcomes: list[Outcome], seconds: float) -> int:
    """Prints the table; the exit code."""
    faults: Counter[str] = Counter()
    for outcome in outcomes:
        faults.update(outcome.faults)
    bad = [outcome for outcome in outcomes if outcome.violations]
    print(f"seeds           {len(outcomes):>9}")
    print(f"virtual hours   {sum(one.virtual for one in outcomes) / 3600:>9.1f}")
    print(f"requests        {sum(one.requests for one in outcomes):>9}")
    print(f"writes          {sum(one.writes for one in outcomes):>9}")
    print(f"users' actions  {sum(one.actions for one in outcomes):>9}")
    if outcomes:
        print(f"CPU a seed      {sum(one.cpu for one in outcomes) / len(outcomes):>9.2f} s")
        print(f"slowest to settle {max(one.settled for one in outcomes):>7.0f} s after the last fault")
    for name, count in sorted(faults.items()):
        print(f"  {name:<20}{count:>8}")
    if seconds:
        print(f"{len(outcomes) / seconds:.2f} seeds a second")
    if len(outcomes) == 1:
        print(f"trace {outcomes[0].trace}")
    print(f"violations in {len(bad)} seeds" if bad else "no violations")
    for outcome in bad:
        print(f"  seed {outcome.seed} (python -m tests.simulation --seed {outcome.seed}):")
        for text in outcome.violations[:6]:
            print(f"    {text}")
    return int(bool(bad))
