"""A Lease for each API server, which says that it lives: `apiserver-…` in kube-system.

What: `renew` writes this server's Lease, `collect` removes those of servers that have been gone for an hour. Why: people and
controllers look there for which servers a cluster has; the endpoints of a Service know addresses only. Flow: at start and with
every renewal of the endpoints; `collect` at start and every `COLLECT_SECONDS`.
Sources: pkg/controlplane/apiserver/server.go, pkg/controlplane/controller/apiserverleasegc.
"""

from __future__ import annotations

import base64
import hashlib
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

from kubelite.api import constants
from kubelite.api.types.coordination_v1 import Lease, LeaseSpec
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.bootstrap.masters import IDENTITY
from kubelite.apiserver.bootstrap.writer import Writer
from kubelite.apiserver.watchcache.entry import decode
from kubelite.machinery import times
from kubelite.machinery.kind import Kind
from kubelite.storage.interface import Conflict
from kubelite.util.log import get_logger

log = get_logger(__name__)

LABEL, COMPONENT = "apiserver.kubernetes.io/identity", "kube-apiserver"
HOSTNAME = "kubernetes.io/hostname"
LEASE_SECONDS = 3600
COLLECT_SECONDS = 3600.0


def name_of(hostname: str) -> str:
    """The name of the Lease of a server on a host; of two servers on one host both keep it."""
    parts = (hostname.encode(), COMPONENT.encode())
    text = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
    return "apiserver-" + base64.b32encode(hashlib.sha256(text).digest()[:16]).decode().rstrip("=").lower()


def _kind(registry: Any) -> Kind | None:
    found: Kind | None = registry.scheme.by_kind("coordination.k8s.io/v1", "Lease")
    return found


async def renew(registry: Any) -> None:
    """Says that this server lives. Raises StoreError."""
    kind = _kind(registry)
    if kind is None:
        return
    hostname = socket.gethostname().lower()
    name, now = name_of(hostname), times.micro_text(datetime.now(UTC))
    lease = Lease(
        metadata=ObjectMeta(
            name=name, namespace=constants.NAMESPACE_SYSTEM, labels={LABEL: COMPONENT, HOSTNAME: hostname}
        ),
        spec=LeaseSpec(
            holderIdentity=f"{name}_{IDENTITY}", leaseDurationSeconds=LEASE_SECONDS, renewTime=now, acquireTime=now
        ),
    )
    await Writer(registry.store).ensure(kind, lease, _renewed)


def _renewed(wanted: Lease, found: Lease) -> bool:
    same = found.spec.holderIdentity == wanted.spec.holderIdentity
    wanted.spec.acquireTime = found.spec.acquireTime if same else wanted.spec.acquireTime
    found.spec = wanted.spec
    found.metadata.labels = {**found.metadata.labels, **wanted.metadata.labels}
    return True


async def collect(registry: Any) -> None:
    """Removes the Leases of servers that are gone. Raises StoreError."""
    kind = _kind(registry)
    if kind is None:
        return
    for seen in registry.cached_list(kind, constants.NAMESPACE_SYSTEM):
        if seen.metadata.labels.get(LABEL) != COMPONENT or not is_expired(seen, datetime.now(UTC)):
            continue
        entry = await registry.live(kind, constants.NAMESPACE_SYSTEM, seen.metadata.name)
        if entry is None or not is_expired(decode(entry.body, Lease), datetime.now(UTC)):
            continue
        try:
            await registry.store.delete(kind.key(constants.NAMESPACE_SYSTEM, seen.metadata.name), entry.revision)
            log.info("The lease of an API server that is gone was removed", name=seen.metadata.name)
        except Conflict:
            continue  # it lives, or another server removed it


def is_expired(lease: Lease, now: datetime) -> bool:
    """Whether the server of a Lease is gone; a Lease that does not say how long it counts never counted."""
    spec = lease.spec
    if spec.renewTime is None or spec.leaseDurationSeconds is None:
        return True
    return bool(times.parse(spec.renewTime) + timedelta(seconds=spec.leaseDurationSeconds) < now)
