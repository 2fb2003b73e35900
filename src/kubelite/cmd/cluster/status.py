"""`kubelite status`: the processes of this machine, their memory, and whether each answers its health check."""

from __future__ import annotations

import argparse
import pathlib
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence

from kubelite.cmd.cluster.config import Paths, load
from kubelite.cmd.cluster.processes import Process, wanted
from kubelite.cmd.cluster.supervisor import running, supervisor_pid

TIMEOUT = 2.0


def memory(pid: int) -> int:
    """Resident memory in bytes."""
    try:
        pages = pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(pages) * 4096


def health(process: Process) -> str:
    """ "ok", "-" where a process has no health check, or what is wrong."""
    if not process.health:
        return "-"
    context = (
        ssl.create_default_context(cafile=str(Paths.pki / "ca.crt")) if process.health.startswith("https") else None
    )
    try:
        with urllib.request.urlopen(process.health, timeout=TIMEOUT, context=context) as answer:
            return "ok" if answer.status == 200 else f"answers {answer.status}"
    except urllib.error.HTTPError as error:
        return f"answers {error.code}"
    except OSError as error:
        return f"no answer: {getattr(error, 'reason', error)}"


def main(argv: Sequence[str]) -> int:
    argparse.ArgumentParser(
        prog="kubelite status", description="The processes of this machine; exit code 1 if one is not healthy."
    ).parse_args(list(argv))
    config = load()
    if config is None or supervisor_pid() is None:
        print("kubelite is not running on this machine. Start it with:  kubelite up", file=sys.stderr)
        return 1
    pids, healthy = running(), True
    rows = [("PROCESS", "PID", "MEMORY", "HEALTH")]
    for process in wanted(config):
        pid = pids.get(process.name)
        state = health(process) if pid else "not running"
        healthy = healthy and state in ("ok", "-")
        size = f"{memory(pid) / 1e6:.0f} MB" if pid else ""
        rows.append((process.name, str(pid or "-"), size, state))
    print("\n".join(lines(rows)))
    return 0 if healthy else 1


def lines(rows: Sequence[tuple[str, str, str, str]]) -> list[str]:
    """The table, as wide as its longest name."""
    width = max(20, *(len(name) for name, *_ in rows))
    return [f"{name:<{width}}{pid:>8}{size:>10}  {state}" for name, pid, size, state in rows]
