"""`make up` on a Debian 12 that has never seen this project: nothing but make, git and Python is there.

A debootstrap'ed tree is the machine's root. What `make up` installs comes from the registries that this host is configured for.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

import pytest

from tests.e2e.machine import ROOT, Machine, call

PACKAGES = "make,git,ca-certificates,python3,procps"
CERTIFICATES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
PASSED_ON = ("PIP_INDEX_URL", "PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@pytest.fixture(scope="module")
def debian() -> Iterator[pathlib.Path]:
    """A minimal Debian 12 with a clone of this repository in /root/kubelite."""
    if shutil.which("debootstrap") is None:
        pytest.skip("debootstrap is missing: run `make test`, which installs it")
    tree = pathlib.Path(tempfile.mkdtemp(prefix="kubelite-debian-", dir="/var/tmp"))
    made = call(
        "debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(tree), check=False, timeout=280
    )
    if made.returncode != 0:
        shutil.rmtree(tree)
        pytest.skip(f"debootstrap cannot reach a Debian mirror: {made.stdout.splitlines()[-1:]}")
    for file in ("/etc/resolv.conf", "/etc/hosts", str(CERTIFICATES)):
        shutil.copy(file, f"{tree}{file}")
    call("git", "clone", "--quiet", str(ROOT), f"{tree}/root/kubelite")
    yield tree
    call("umount", "--recursive", "--lazy", str(tree), check=False)
    shutil.rmtree(tree)


def environment() -> dict[str, str]:
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", **passed}


def test_make_up_installs_everything_and_ends_with_a_ready_node(debian: pathlib.Path, machine: Machine) -> None:
    inside = ["chroot", str(debian), "sh", "-c"]
    # The machine of the test has no way to the registries, so what is missing is installed with the host's network.
    # `mount` in a namespace of its own: the tree's /proc is gone when this command ends.
    install = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount --bind /proc "$0/proc" && exec chroot "$0" sh -c "$1"',
        str(debian),
    ]
    done = subprocess.run(
        [*install, "cd /root/kubelite && make setup"],
        capture_output=True,
        text=True,
        timeout=280,
        env=environment(),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Installing containerd" in done.stdout

    for source in ("/proc", "/sys", "/dev"):
        machine.run("mount", "--rbind", source, f"{debian}{source}")
    machine.run("mount", "-t", "tmpfs", "run", f"{debian}/run")
    up = machine.run(*inside, "cd /root/kubelite && make up", env=environment())
    assert "Ready after" in up.stdout
    again = machine.run(*inside, "cd /root/kubelite && make up", env=environment())
    assert "already running" in again.stdout
    nodes = machine.run(*inside, "cd /root/kubelite && .venv/bin/kubelite get nodes --no-headers", env=environment())
    assert nodes.stdout.split()[:2] == [machine.name, "Ready"]
    down = machine.run(*inside, "cd /root/kubelite && make down", env=environment())
    assert "kubelite is down" in down.stdout
    assert not [title for title in machine.processes().values() if "kubelite" in title or "containerd" in title]
