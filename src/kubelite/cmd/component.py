"""Runs one component as a process of its own.

What: flags → Config → `server.run(config, stop)`. Why: signals, logging, event loop, process title and memory settings are the
same for all components. Flow: SIGTERM or SIGINT sets `stop`; the component closes what it opened and the process ends with 0.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import signal
import sys
from collections.abc import Sequence
from typing import Any

from kubelite.cmd.registry import COMPONENTS
from kubelite.util import flags, log

logger = log.get_logger(__name__)
GC_THRESHOLD = 50_000
FREEZE_AFTER_SECONDS = 5.0


def run_component(name: str, argv: Sequence[str]) -> int:
    """Runs until a signal; the exit code."""
    command = COMPONENTS[name]
    server = importlib.import_module(command.module)
    config = flags.parse(server.Config, argv, program=f"kubelite {name}", description=command.summary)
    import setproctitle
    import uvloop

    setproctitle.setproctitle(f"kubelite {name}")
    log.configure(int(getattr(config, "v", 0)))
    gc.set_threshold(GC_THRESHOLD, 20, 20)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(server, config))
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if type(error).__name__ == "LeadershipLost":
            # Expected when the API server was away for too long: the next start waits for the lease again.
            logger.error("Process ends because it no longer leads", component=name, reason=error)
        else:
            logger.exception("Process ends because of an error", error, component=name)
        return 1
    return 0


async def _serve(server: Any, config: Any) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # What start-up leaves behind lives for ever: keep the collector from walking it again and again.
    loop.call_later(FREEZE_AFTER_SECONDS, _freeze)
    await server.run(config, stop)


def _freeze() -> None:
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    sys.exit(run_component(sys.argv[1], sys.argv[2:]))
