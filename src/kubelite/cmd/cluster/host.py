"""What a node asks of its host: directories and kernel settings, and how they are put back.

What: `prepare()` sets sysctls and remembers what stood there; `restore()` writes the old values back.
Why: `kubelite down` leaves the host as it was.
"""

from __future__ import annotations

import json
import pathlib

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


def prepare() -> list[str]:
    """Makes the directories and applies the settings; the complaints about settings that the kernel refused."""
    for path in (Paths.etc, Paths.lib, Paths.run, Paths.log, Paths.kubelet, Paths.cni.parent, Paths.database.parent):
        path.mkdir(parents=True, exist_ok=True)
    Paths.database.parent.chmod(0o700)
    before: dict[str, str] = json.loads(Paths.host.read_text()) if Paths.host.exists() else {}
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
    for name, value in json.loads(Paths.host.read_text()).items():
        path = ROOT / name
        if path.exists():
            path.write_text(value)
    Paths.host.unlink()
