"""`kubelite image`: bring images to this machine's node without a registry.

What: `image import TAR…` loads OCI or Docker image tars into every node that runs on this machine, also those that live in
namespaces of their own; `image list` shows what is there; `ensure_pause` makes the sandbox image of Debian's `catatonit`.
Why: a cluster without internet must be able to run pods.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
from collections.abc import Sequence

from kubelite.api import constants
from kubelite.cmd.cluster import containerd
from kubelite.cmd.cluster.config import Paths
from kubelite.util.ocitar import write_image

PAUSE_TAR = Paths.lib / "images" / "pause.tar"


def ensure_pause() -> None:
    """Imports the sandbox image unless it is there."""
    if constants.PAUSE_IMAGE in containerd.ctr("images", "list", "--quiet").stdout.split():
        return
    program = shutil.which("catatonit")
    if program is None:
        raise RuntimeError("catatonit is missing, the sandbox image is made of it: apt-get install catatonit")
    PAUSE_TAR.parent.mkdir(parents=True, exist_ok=True)
    write_image(PAUSE_TAR, constants.PAUSE_IMAGE, {"/pause": program}, entrypoint=["/pause", "-P"])
    import_tar(PAUSE_TAR)


def sockets() -> list[pathlib.Path]:
    """The container runtimes of all nodes on this machine, found by their supervisors.

    A node may have a mount namespace of its own; /proc/PID/root shows its files.
    """
    found = [Paths.socket] if Paths.socket.exists() else []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if not (process / "cmdline").read_bytes().startswith(b"kubelite supervisor"):
                continue
            path = process / "root" / Paths.socket.relative_to("/")
            if path.exists() and not any(path.samefile(other) for other in found):
                found.append(path)
        except OSError:
            continue  # the process ended while it was looked at
    return found


def import_tar(tar: pathlib.Path, socket: pathlib.Path = Paths.socket) -> list[str]:
    """Loads one tar into a node's containerd; the references that are new there."""
    before = set(containerd.ctr("images", "list", "--quiet", socket=socket).stdout.split())
    containerd.ctr("images", "import", "--digests=false", str(tar), socket=socket)
    return sorted(set(containerd.ctr("images", "list", "--quiet", socket=socket).stdout.split()) - before)


def _import_unless_gone(tar: pathlib.Path, socket: pathlib.Path) -> list[str]:
    """Loads the tar; a node that ends at this moment needs no image."""
    try:
        return import_tar(tar, socket)
    except RuntimeError:
        if socket.exists():
            raise
        return []


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kubelite image",
        description="Images of this machine's nodes.",
        epilog="Example:\n  docker save example.test/web:1 -o web.tar && kubelite image import web.tar",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="import | list")
    importing = actions.add_parser("import", help="load OCI or Docker image tars into every node of this machine")
    importing.add_argument("tar", nargs="+", type=pathlib.Path)
    actions.add_parser("list", help="show the images")
    options = parser.parse_args(list(argv))
    nodes = sockets()
    if not nodes:
        print("error: no container runtime runs on this machine: start the cluster with `kubelite up`", file=sys.stderr)
        return 1
    try:
        if options.action == "list":
            print(containerd.ctr("images", "list", "--quiet", socket=nodes[0]).stdout, end="")
            return 0
        return _import(options.tar, nodes)
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _import(tars: Sequence[pathlib.Path], nodes: Sequence[pathlib.Path]) -> int:
    for tar in tars:
        if not tar.is_file():
            print(f"error: {tar}: no such file", file=sys.stderr)
            return 1
        new = {reference for node in nodes for reference in _import_unless_gone(tar, node)}
        for reference in sorted(new) or ["nothing new"]:
            print(f"imported {reference} from {tar}")
    return 0
