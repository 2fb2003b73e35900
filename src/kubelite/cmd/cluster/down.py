"""`kubelite down`: stops the cluster on this machine and puts the host back as it was.

What: ends the processes, removes pods through the runtime so that their networks and mounts are undone, then clears what is
left: mounts, links, packet rules, cgroups, sysctls. Why: nothing of the cluster may stay on a host that no longer runs it.
The cluster's data stays for the next `up`; `--purge` removes it. Every step is tried even if one before it failed; the exit
code tells whether all succeeded.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence

from kubelite.cmd.cluster import cleanup, host
from kubelite.cmd.cluster.config import Paths, load
from kubelite.cmd.cluster.supervisor import end, running, supervisor_pid

STOP_SECONDS = 10.0


def stop_supervisor() -> None:
    """Killed, not asked: its orderly end would take containerd along, which is still needed to remove the pods."""
    pid = supervisor_pid()
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    Paths.supervisor.unlink(missing_ok=True)


def stop_components() -> None:
    """The API server ends last: the others give back their leases through it."""
    pids = running()
    end({name: pid for name, pid in pids.items() if name not in ("containerd", "apiserver")}, STOP_SECONDS)
    end({name: pid for name, pid in pids.items() if name == "apiserver"}, STOP_SECONDS)


def stop_runtime() -> None:
    end({name: pid for name, pid in running().items() if name == "containerd"}, STOP_SECONDS)
    cleanup.kill_shims()
    Paths.groups.unlink(missing_ok=True)


def purge() -> None:
    # What is still mounted there may be a share or a disk of somebody: it is not ours to empty.
    if left := cleanup.mounts():
        raise RuntimeError(f"nothing was removed, as something is still mounted: {', '.join(left)}")
    for path in (Paths.lib, Paths.etc, Paths.log, Paths.cni_state / "networks" / "kubelite", Paths.pod_logs):
        shutil.rmtree(path, ignore_errors=True)


STEPS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("processes", stop_supervisor),
    ("components", stop_components),
    ("pods", cleanup.remove_pods),
    ("container runtime", stop_runtime),
    ("mounts", cleanup.unmount),
    ("links", cleanup.delete_links),
    ("packet rules", cleanup.delete_rules),
    ("routes and CNI state", cleanup.delete_network),
    ("cgroups", cleanup.delete_cgroups),
    ("host settings", host.restore),
)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kubelite down", description="Stop the cluster on this machine and put the host back as it was."
    )
    parser.add_argument("--purge", action="store_true", help="also remove the cluster's data, keys and logs")
    options = parser.parse_args(list(argv))
    if os.geteuid() != 0:
        print("error: root is needed: try `sudo kubelite down`", file=sys.stderr)
        return 1
    if load() is None and not Paths.run.exists():
        print("kubelite is not running on this machine.")
        return 0
    began, complaints = time.monotonic(), []
    steps = [*STEPS, ("data", purge)] if options.purge else list(STEPS)
    for name, step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - every step is tried; all complaints are shown
            complaints.append(f"{name}: {error}")
    shutil.rmtree(Paths.run, ignore_errors=True)
    for complaint in complaints:
        print(f"error: {complaint}", file=sys.stderr)
    kept = "" if options.purge else f" Its data stays in {Paths.lib} (`kubelite down --purge` removes it)."
    print(f"kubelite is down after {time.monotonic() - began:.1f} s.{kept}")
    return 1 if complaints else 0
