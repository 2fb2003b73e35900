"""What a node asks of its host: directories and kernel settings, and how they are put back.

What: `prepare()` sets sysctls and remembers what stood there, and which nftables tables there were; `restore()` writes the old
values back, and removes tables that are new and empty: the programs that CNI plugins call make some and leave them.
Why: `kubelite down` leaves the host as it was.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess

from kubelite.cmd.cluster.config import Paths

SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/route_localnet": "1",
    "net/bridge/bridge-nf-call-iptables": "1",
    "fs/inotify/max_user_instances": "8192",
    "fs/inotify/max_user_watches": "524288",
}
GROWING = {"fs/inotify/max_user_instances", "fs/inotify/max_user_watches"}
ROOT = pathlib.Path("/proc/sys")
TABLES = "nft tables"
"""Beside the settings: the tables that were there, separated by commas."""


def prepare() -> list[str]:
    """Makes the directories and applies the settings; the complaints about settings that the kernel refused."""
    for path in (Paths.etc, Paths.lib, Paths.run, Paths.log, Paths.kubelet, Paths.cni.parent, Paths.database.parent):
        path.mkdir(parents=True, exist_ok=True)
    Paths.database.parent.chmod(0o700)
    before: dict[str, str] = json.loads(Paths.host.read_text()) if Paths.host.exists() else {}
    before.setdefault(TABLES, ",".join(tables()))
    complaints = []
    for name, wanted in SYSCTLS.items():
        path = ROOT / name
        try:
            current = path.read_text().strip()
            if current == wanted or (name in GROWING and int(current) >= int(wanted)):
                continue
            before.setdefault(name, current)
            path.write_text(wanted)
        except OSError as error:
            complaints.append(f"{name.replace('/', '.')}: {error.strerror}")
    Paths.host.write_text(json.dumps(before, indent=2) + "\n")
    return complaints


def restore() -> None:
    """Writes back the settings that `prepare` changed."""
    if not Paths.host.exists():
        return
    before = json.loads(Paths.host.read_text())
    kept = before.pop(TABLES, None)
    if kept is not None:
        _drop_empty(set(tables()) - set(kept.split(",")))
    for name, value in before.items():
        path = ROOT / name
        if path.exists():
            path.write_text(value)
    Paths.host.unlink()


def tables() -> list[str]:
    """The nftables tables, as `ip nat`; none where there is no nft."""
    if shutil.which("nft") is None:
        return []
    shown = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False).stdout
    return [line.removeprefix("table ") for line in shown.splitlines() if line.startswith("table ")]


def is_empty(listing: str) -> bool:
    """Whether `nft list table` shows nothing in the table."""
    lines = [line.strip() for line in listing.splitlines()]
    return [line for line in lines if line and not line.startswith("#")][1:] == ["}"]


def _drop_empty(names: set[str]) -> None:
    for name in names:
        shown = subprocess.run(["nft", "list", "table", *name.split()], capture_output=True, text=True, check=False)
        if shown.returncode == 0 and is_empty(shown.stdout):
            subprocess.run(["nft", "delete", "table", *name.split()], capture_output=True, check=False)
