"""A snapshot of a real etcd, over its gRPC API.

What: `save` writes what etcd's Maintenance.Snapshot sends. Why: it is etcd's own format: `etcdctl` and `etcdutl` can restore
it, on any machine. Flow: the first member that answers streams its database and, at the end, the checksum; the file is
checked before it gets its name. Source: etcd client/v3/snapshot/v3_snapshot.go.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from kubelite.rpc import etcd_v3_pb2 as pb
from kubelite.storage.etcd_call import RpcError
from kubelite.storage.etcd_channel import Member, Method, tls_context
from kubelite.storage.snapshot import SnapshotError, Status, new_part, status

SNAPSHOT = Method("/etcdserverpb.Maintenance/Snapshot", pb.SnapshotResponse.FromString)


async def save(endpoints: Sequence[str], path: str, ca: str = "", cert: str = "", key: str = "") -> Status:
    """Raises `SnapshotError` with what the last endpoint answered."""
    secure = any(endpoint.startswith("https://") for endpoint in endpoints)
    context = tls_context(ca, cert, key) if secure else None
    problem = "no etcd endpoint is given"
    for endpoint in endpoints:
        member = Member(endpoint, context)
        part = new_part(path)
        try:
            await _receive(member, part)
            found = status(part)
            os.replace(part, path)
            return found
        except RpcError as error:
            problem = str(error)
        finally:
            if os.path.exists(part):
                os.unlink(part)
            await member.close()
    raise SnapshotError(f"no etcd member gave a snapshot: {problem}")


async def _receive(member: Member, part: str) -> None:
    stream = await member.stream(SNAPSHOT, pb.SnapshotRequest())
    try:
        with open(part, "wb") as file:
            while (answer := await stream.read()) is not None:
                file.write(answer.blob)
            file.flush()
            os.fsync(file.fileno())
    finally:
        stream.cancel()
