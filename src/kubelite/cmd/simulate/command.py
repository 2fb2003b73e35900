"""`kubelite simulate`: joins simulated nodes to a cluster until it is stopped.

What: flags → `Shape` and `Script` → `Fleet`; prints what happens; deletes the nodes at the end. Why: to try a cluster of
thousands of nodes on one machine, and to give a person who reads `--help` all they need. Flow: SIGINT or SIGTERM → stop →
nodes deleted → 0; a second signal ends it at once and leaves the nodes.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence

from kubelite.client.client import Client
from kubelite.client.config import load_kubeconfig
from kubelite.client.errors import ConfigError, ConnectionFailed
from kubelite.cmd.cluster.config import Paths
from kubelite.cmd.simulate import nodes
from kubelite.cmd.simulate.flags import parser
from kubelite.cmd.simulate.fleet import Fleet, first_error
from kubelite.cmd.simulate.nodes import Shape
from kubelite.cmd.simulate.script import Script
from kubelite.machinery.errors import StatusError
from kubelite.util import log

REPORT_SECONDS = 5.0


def main(argv: Sequence[str]) -> int:
    """Exit code 1 with a line on stderr if it could not begin."""
    import uvloop

    made = parser()
    options = made.parse_args(list(argv))
    try:
        shape = Shape(
            options.name, options.zones, nodes.parse_capacity(options.capacity), options.labels, tuple(options.taint)
        )
    except ValueError as error:
        made.error(str(error))
    log.configure(0)
    # Of each of a hundred thousand pods the kubelet's parts would tell here.
    logging.getLogger().setLevel(logging.WARNING)
    gc.set_threshold(50_000, 20, 20)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_simulate(options, shape))
    except (ConfigError, ConnectionFailed, StatusError, OSError, ValueError, ExceptionGroup) as error:
        print(f"error: {first_error(error)}", file=sys.stderr)
    return 1


def _kubeconfig(given: str) -> str:
    """What was asked for, else what kubectl would take, else this machine's cluster."""
    if given or os.environ.get("KUBECONFIG"):
        return given
    return str(Paths.admin) if Paths.admin.exists() else ""


def _script(options: argparse.Namespace) -> Script:
    return Script(
        start_time=options.start_time,
        run_for=options.run_for,
        stop_time=options.stop_time,
        ready_after=options.ready_after,
        fail=options.fail,
        seed=options.seed,
    )


async def _simulate(options: argparse.Namespace, shape: Shape) -> int:
    config = load_kubeconfig(_kubeconfig(options.kubeconfig), options.context)
    # Heartbeats have connections of their own: a burst of pod statuses must not make nodes look dead.
    pods, heartbeats = (Client.from_config(config, user_agent="kubelite-simulate", patience=30) for _ in range(2))
    settings = {"heartbeat": options.heartbeat, "events": options.events}
    fleet = Fleet(pods, heartbeats, shape, options.nodes, _script(options), **settings)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stop)
    report = asyncio.create_task(_report(fleet, config.server))
    try:
        await fleet.run(stop)
    finally:
        report.cancel()
        if not options.keep:
            count = len(fleet.nodes)
            await fleet.remove()
            print(f"Deleted {count} nodes; the cluster's controllers remove their pods.", flush=True)
        for client in (pods, heartbeats):
            await client.close()
    return 0


def _stop(stop: asyncio.Event) -> None:
    """The second signal ends the process at once."""
    if stop.is_set():
        os._exit(130)
    stop.set()


async def _report(fleet: Fleet, server: str) -> None:
    """Says that the nodes are there, then what their pods do, whenever it changed."""
    started = time.monotonic()
    print(f"Joining {len(fleet.nodes)} nodes to {server} ...", flush=True)
    await fleet.registered.wait()
    print(
        f"{len(fleet.nodes)} nodes are registered after {time.monotonic() - started:.1f} s. Ctrl-C deletes them.",
        flush=True,
    )
    shown, written = "", 0
    while True:
        await asyncio.sleep(REPORT_SECONDS)
        counts = fleet.counts()
        if not any(counts.values()) and not shown:
            continue
        phases = ", ".join(f"{count} {phase}" for phase, count in sorted(counts.items())) or "none"
        now = f"nodes {len(fleet.nodes)}; pods: {phases}"
        if now != shown:
            rate = (fleet.statuses.written - written) / REPORT_SECONDS
            print(f"{now}; {rate:.0f} status writes/s", flush=True)
        shown, written = now, fleet.statuses.written
