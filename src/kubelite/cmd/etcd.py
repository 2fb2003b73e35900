"""`kubelite etcd snapshot save|restore|status`: backups of the cluster's state.

What: the command line over `storage.snapshot`. Why: one command for both stores: with `--endpoints` a real etcd, without them
the embedded database of this machine. Flow: flags → save, restore or status → one line of what the snapshot holds. Restoring
a snapshot of etcd writes etcd's own files, which etcd's `etcdutl` or `etcdctl` does: one of them must be installed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict

from kubelite.cmd.cluster.config import Paths
from kubelite.storage import snapshot
from kubelite.storage.snapshot import SnapshotError, Status

BUMPING = "etcdutl"
"""The only one of etcd's tools that can raise revisions (3.6)."""


def main(argv: Sequence[str]) -> int:
    """Exit code 1 with a line on stderr if it failed."""
    options = _parser().parse_args(list(argv))
    try:
        found: Status = options.run(options)
    except (SnapshotError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(_shown(found, options.output))
    return 0


_EXAMPLES = """examples:
  kubelite etcd snapshot save backup.db              the embedded store of this machine, while it runs
  kubelite etcd snapshot status backup.db            is it whole, and what does it hold?
  kubelite etcd snapshot restore backup.db --data-dir=DIR
                                                     a new directory, which the API server is started with
  kubelite etcd snapshot save backup.db --endpoints=https://10.0.0.1:2379 --cacert=ca.crt --cert=c.crt --key=c.key
                                                     of an etcd
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubelite etcd",
        description="Backups of the cluster's state: everything that the API server keeps.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_EXAMPLES,
    )
    verbs = parser.add_subparsers(required=True, metavar="snapshot").add_parser(
        "snapshot", help="save, restore, status"
    )
    actions = verbs.add_subparsers(required=True, metavar="save|restore|status")
    save = actions.add_parser("save", help="Write a snapshot of the running store.")
    save.set_defaults(run=_save)
    save.add_argument("--endpoints", default="", help="Comma-separated etcd endpoints; without: the embedded store")
    save.add_argument("--cacert", default="", help="CA of etcd's serving certificate")
    save.add_argument("--cert", default="", help="Client certificate for etcd")
    save.add_argument("--key", default="", help="Key of the client certificate")
    save.add_argument("--data-path", default=str(Paths.database), help="File of the embedded store (%(default)s)")
    restore = actions.add_parser("restore", help="Make a new data directory of a snapshot; overwrites nothing.")
    restore.set_defaults(run=_restore)
    restore.add_argument(
        "--data-dir", required=True, help="Directory to make; for the embedded store the one of its file"
    )
    restore.add_argument("--bump-revision", type=int, default=0, help="Raise the newest revision by so much")
    restore.add_argument("--mark-compacted", action="store_true", help="Mark all older revisions as compacted")
    restore.add_argument("--name", default="default", help="Name of the etcd member")
    restore.add_argument("--initial-cluster", default="", help="Members of the new etcd cluster")
    restore.add_argument("--initial-cluster-token", default="", help="Token of the new etcd cluster")
    restore.add_argument("--initial-advertise-peer-urls", default="", help="Peer URLs of the etcd member")
    status = actions.add_parser("status", help="Check a snapshot and show what it holds.")
    status.set_defaults(run=lambda options: snapshot.status(options.file))
    for action in (save, restore, status):
        action.add_argument("file", help="The snapshot")
        action.add_argument("-o", "--output", choices=("simple", "json"), default="simple")
    return parser


def _shown(found: Status, output: str) -> str:
    if output == "json":
        return json.dumps(asdict(found))
    return f"{found.kind}, {found.hash}, revision {found.revision}, {found.keys} keys, {found.size / 1e6:.1f} MB"


def _save(options: argparse.Namespace) -> Status:
    endpoints = [one.strip() for one in options.endpoints.split(",") if one.strip()]
    if not endpoints:
        return snapshot.save_sqlite(options.data_path, options.file)
    import asyncio

    from kubelite.storage import etcd_snapshot

    return asyncio.run(etcd_snapshot.save(endpoints, options.file, options.cacert, options.cert, options.key))


def _restore(options: argparse.Namespace) -> Status:
    if options.bump_revision < 0 or (options.mark_compacted and not options.bump_revision):
        raise SnapshotError("--mark-compacted needs a positive --bump-revision")
    found = snapshot.status(options.file)
    if found.kind == "sqlite":
        return snapshot.restore_sqlite(
            options.file,
            os.path.join(options.data_dir, Paths.database.name),
            bump=options.bump_revision,
            compacted=options.mark_compacted,
        )
    _restore_etcd(options)
    return found


def _restore_etcd(options: argparse.Namespace) -> None:
    if os.path.exists(options.data_dir):
        raise SnapshotError(f"{options.data_dir} exists: move it away first, a restore overwrites nothing")
    tool = shutil.which(BUMPING) or ("" if options.bump_revision else shutil.which("etcdctl") or "")
    if not tool:
        wanted = f"{BUMPING} (of etcd 3.6)" if options.bump_revision else f"{BUMPING} or etcdctl"
        raise SnapshotError(f"restoring a snapshot of etcd this way needs {wanted}, which is not installed")
    command = [tool, "snapshot", "restore", options.file, f"--data-dir={options.data_dir}", f"--name={options.name}"]
    for flag in ("initial_cluster", "initial_cluster_token", "initial_advertise_peer_urls"):
        if getattr(options, flag):
            command.append(f"--{flag.replace('_', '-')}={getattr(options, flag)}")
    if options.bump_revision:
        command.append(f"--bump-revision={options.bump_revision}")
    if options.mark_compacted:
        command.append("--mark-compacted")
    done = subprocess.run(command, env={**os.environ, "ETCDCTL_API": "3"}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SnapshotError(f"{os.path.basename(tool)}: {done.stderr.strip()[-500:]}")
