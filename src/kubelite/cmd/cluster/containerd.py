"""The machine's own containerd: its configuration and the tools to talk to it.

What: renders `config.toml` for a containerd with its own root, state and socket, apart from any other on the host.
Why: the cluster neither disturbs nor depends on a containerd that is already there.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import time

from kubelite.api import constants
from kubelite.cmd.cluster.config import Paths

CNI_BINARIES = "/usr/lib/cni"
CONFIG = Paths.run / "containerd.toml"
NAMESPACE = "k8s.io"


def render() -> str:
    """The configuration, format version 2 (containerd 1.5 to 1.7)."""
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = "{Paths.containerd_root}"
state = "{Paths.containerd_state}"
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
  address = "{Paths.socket}"

[{cri}]
  sandbox_image = "{constants.PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [{cri}.cni]
    bin_dir = "{CNI_BINARIES}"
    conf_dir = "{Paths.cni.parent}"
  [{cri}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [{cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [{cri}.containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


def write_config() -> pathlib.Path:
    CONFIG.parent.mkdir(parents=True, exist_ok=True)
    CONFIG.write_text(render())
    return CONFIG


def wait_for_socket(seconds: float) -> bool:
    """Whether containerd answers within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if Paths.socket.exists() and ctr("version", check=False).returncode == 0:
            return True
        time.sleep(0.05)
    return False


def ctr(*words: str, check: bool = True, socket: pathlib.Path = Paths.socket) -> subprocess.CompletedProcess[str]:
    """Runs containerd's own client against a node's containerd; raises with its complaint if `check`."""
    argv = ["ctr", "--address", str(socket), "--namespace", NAMESPACE, *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if check and done.returncode != 0:
        raise RuntimeError(f"ctr {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done
