"""`kubelite prepare`: what `kubelite up` does around the processes, for those who start the processes themselves.

What: keys, host settings, containerd's configuration and `/etc/kubelite/kubelite.env` (NODE_NAME, NODE_IP,
LOAD_BALANCER_POOL); with `--after` the sandbox image and the DNS Service, once API server and runtime answer. Why: the systemd
units in `deploy/` start the same processes as the supervisor and need the same surroundings.
Flow: flags over the saved settings → files; a second call
changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from kubelite.cmd.cluster import addons, certificates, containerd, host, image
from kubelite.cmd.cluster.api import AdminApi
from kubelite.cmd.cluster.config import Config, Paths, save
from kubelite.cmd.cluster.up import Failed, check_host, merged, unpack, wait

ENVIRONMENT = Paths.etc / "kubelite.env"
AFTER = "--after"


def before(config: Config) -> None:
    """Everything that must stand before the first process starts."""
    if not config.join:
        certificates.issue_control_plane(config)
    for complaint in host.prepare():
        print(f"note: the kernel refused {complaint}")
    containerd.write_config()
    save(config)
    values = {
        "NODE_NAME": config.node_name,
        "NODE_IP": config.node_ip,
        "LOAD_BALANCER_POOL": config.load_balancer_pool,
    }
    ENVIRONMENT.write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def after(config: Config) -> None:
    """What needs a running API server and container runtime. Raises Failed if they do not come."""
    seconds = float(max(config.wait, 20))
    if not containerd.wait_for_socket(seconds):
        raise Failed("containerd does not answer")
    image.ensure_pause()
    if not config.join:
        api = AdminApi()
        wait(seconds, api.ready, "apiserver", "the API server is not ready")
        addons.ensure(api, config)


def main(argv: Sequence[str]) -> int:
    words = [word for word in argv if word != AFTER]
    try:
        check_host()
        config = merged(words)
        if AFTER in argv:
            after(config)
        else:
            before(unpack(config.join, config) if "--join" in " ".join(words) else config)
    except (Failed, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
