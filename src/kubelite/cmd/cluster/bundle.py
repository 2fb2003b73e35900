"""`kubelite node-bundle`: the credentials with which another machine joins the cluster as a node.

What: issues the node's certificates and writes them, with the kubeconfigs of its processes and the cluster's settings, into
one tar for `kubelite up --join`. Why: the authority's key never leaves the control plane.
"""

from __future__ import annotations

import argparse
import io
import json
import pathlib
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import asdict, replace

from kubelite.cmd.cluster import certificates
from kubelite.cmd.cluster.config import Paths, load


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kubelite node-bundle",
        description="Write the credentials with which another machine joins this cluster.",
        epilog="Example:\n  kubelite node-bundle worker-1 --address 10.0.0.7 --output worker-1.tar\n"
        "then, on worker-1:\n  kubelite up --join worker-1.tar",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", help="the node's name")
    parser.add_argument("--address", required=True, help="the node's address")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="where to write the tar")
    options = parser.parse_args(list(argv))
    config = load()
    if config is None or config.join:
        print("error: this machine has no control plane: run `kubelite up` first", file=sys.stderr)
        return 1
    ca = certificates.authority()
    files = certificates.node_files(ca, certificates.server_url(config), options.name, (options.address, "127.0.0.1"))
    files["pki/ca.crt"] = ca.pair.certificate
    for user in certificates.NODE_USERS:
        files[f"{user}.kubeconfig"] = Paths.kubeconfig(user).read_bytes()
    settings = replace(config, node_name=options.name, node_ip=options.address, join="bundle", cgroup_root="")
    files["cluster.json"] = json.dumps(asdict(settings), indent=2).encode()
    options.output.touch(mode=0o600)
    with tarfile.open(options.output, "w") as tar:
        for name, data in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o600
            tar.addfile(info, io.BytesIO(data))
    print(f"Wrote {options.output}. On {options.name}, run:  kubelite up --join {options.output.name}")
    return 0
