"""Carries a plan of EndpointSlices out."""

from __future__ import annotations

from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.client import Client
from kubelite.controllers.endpointslice.plan import Plan
from kubelite.controllers.kinds import ENDPOINT_SLICE
from kubelite.controllers.writes import Writes
from kubelite.machinery.errors import StatusError


async def apply_slices(client: Client, writes: Writes, key: str, wanted: Plan) -> None:
    """Create, update and delete as planned, noting in `writes` what the cache must show before the next plan for `key`."""
    for piece in wanted.create:
        writes.wrote(key, await client.create(ENDPOINT_SLICE, piece))
    for piece in wanted.update:
        writes.wrote(key, await client.update(ENDPOINT_SLICE, piece))
    for piece in wanted.delete:
        meta = piece.metadata
        options = DeleteOptions(preconditions=Preconditions(uid=meta.uid))
        try:
            await client.delete(ENDPOINT_SLICE, meta.name, meta.namespace, options=options)
        except StatusError as error:
            if error.code not in (404, 409):
                raise
