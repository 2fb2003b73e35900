"""A containerd of its own for tests: own root, state, socket, CNI network and images; nothing of it is left afterwards.

What: `Containerd.start(directory)` → a running runtime with the test images, `stop()` kills it with all its containers.
Why: tests must not touch a containerd that somebody uses. Needs root and Debian's containerd, runc, CNI plugins, busybox
and catatonit; `missing()` says what is not there.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

from kubelite.util import ocitar

PAUSE = "kubelite.test/pause:1"
BUSYBOX = "kubelite.test/busybox:1"
CNI_BIN = "/usr/lib/cni"

CONFIG = """version = 2
root = "{root}"
state = "{state}"
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{root}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni_bin}"
    conf_dir = "{conf}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


def missing() -> str:
    """What keeps a containerd from running here, "" when nothing does."""
    if os.geteuid() != 0:
        return "needs root"
    wanted = ("containerd", "ctr", "runc", "catatonit", "busybox")
    absent = [name for name in wanted if shutil.which(name) is None]
    absent += [] if os.path.isdir(CNI_BIN) else [CNI_BIN]
    return f"not installed: {', '.join(absent)}" if absent else ""


class Containerd:
    """One running containerd."""

    def __init__(self, directory: pathlib.Path, tag: str) -> None:
        self.directory = directory
        self.bridge = f"klt{tag}"
        self.subnet = f"10.{200 + int(tag, 16) % 50}.{int(tag, 16) % 250}.0/24"
        self.socket = str(directory / "containerd.sock")
        self.conf = directory / "net.d"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"unix://{self.socket}"

    def start(self, *, images: bool = True) -> None:
        """Starts it and waits until it answers."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._write_network()
        config = self.directory / "config.toml"
        config.write_text(
            CONFIG.format(
                root=self.directory / "root",
                state=self.directory / "state",
                socket=self.socket,
                pause=PAUSE,
                cni_bin=CNI_BIN,
                conf=self.conf,
            )
        )
        with open(self.directory / "log", "ab") as log:
            self._process = subprocess.Popen(["containerd", "-c", str(config)], stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while subprocess.run(self.ctr("version"), capture_output=True, check=False).returncode:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self.directory / "log").read_text()[-2000:])
            time.sleep(0.1)
        if images:
            self._import_images()

    def ctr(self, *arguments: str) -> list[str]:
        return ["ctr", "-a", self.socket, "-n", "k8s.io", *arguments]

    def _write_network(self) -> None:
        self.conf.mkdir(exist_ok=True)
        bridge = {
            "type": "bridge",
            "bridge": self.bridge,
            "isGateway": True,
            "ipMasq": False,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": self.subnet}]],
                "routes": [{"dst": "0.0.0.0/0"}],
                "dataDir": str(self.directory / "ipam"),
            },
        }
        network = {"cniVersion": "0.4.0", "name": self.bridge, "plugins": [bridge]}
        (self.conf / "10-test.conflist").write_text(json.dumps(network))

    def _import_images(self) -> None:
        pause, busybox = self.directory / "pause.tar", self.directory / "busybox.tar"
        catatonit = shutil.which("catatonit") or ""
        files = {"/catatonit": catatonit, **{lib: lib for lib in ocitar.libraries(catatonit)}}
        ocitar.write_image(pause, PAUSE, files, entrypoint=["/catatonit", "-P"])
        program = shutil.which("busybox") or ""
        links = {
            f"/bin/{name}": "/bin/busybox"
            for name in ("sh", "sleep", "cat", "echo", "httpd", "true", "false", "id", "ls")
        }
        links |= {
            f"/bin/{name}": "/bin/busybox"
            for name in ("hostname", "touch", "test", "kill", "env", "dd", "mount", "wget")
        }
        ocitar.write_image(busybox, BUSYBOX, {"/bin/busybox": program}, links=links, command=["sleep", "3600"])
        for tar in (pause, busybox):
            subprocess.run(self.ctr("images", "import", str(tar)), check=True, capture_output=True)

    def kill(self) -> None:
        """kill -9 of the daemon; its containers go on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Ends everything: containers, shims, mounts, the bridge, the files."""
        self.kill()
        self._kill_shims()
        self._unmount()
        subprocess.run(["ip", "link", "del", self.bridge], capture_output=True, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _kill_shims(self) -> None:
        """Shims name the socket of their containerd in their arguments; their containers die with their cgroups."""
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            with contextlib.suppress(OSError):
                arguments = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes()
                if b"containerd-shim" in arguments and self.socket.encode() in arguments:
                    for child in pathlib.Path(f"/proc/{entry}/task/{entry}/children").read_text().split():
                        os.kill(int(child), signal.SIGKILL)
                    os.kill(int(entry), signal.SIGKILL)

    def _unmount(self) -> None:
        with open("/proc/self/mounts") as file:
            points = [line.split()[1] for line in file]
        for point in reversed([p for p in points if p.startswith(str(self.directory))]):
            subprocess.run(["umount", "-l", point], capture_output=True, check=False)
