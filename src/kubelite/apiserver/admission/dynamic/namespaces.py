"""The namespace of a request: its labels for selectors, the object for expressions.

What: `Namespaces.labels` and `Namespaces.body`. Why: selectors of namespaces decide about most webhooks. Flow: the object itself
for requests about a Namespace, else the cache, else the store.
Source: apiserver/pkg/admission/plugin/webhook/predicates/namespace.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.admission.dynamic.seen import Seen
from kubelite.machinery import errors


class _Named(msgspec.Struct, gc=False):
    metadata: ObjectMeta


_decode = msgspec.json.Decoder(_Named).decode


class Namespaces:
    """`cached` and `live` find a Namespace by name, as JSON."""

    def __init__(self, cached: Callable[[str], bytes | None], live: Callable[[str], Awaitable[bytes | None]]) -> None:
        self._cached = cached
        self._live = live

    async def body(self, seen: Seen) -> bytes | None:
        """The Namespace of the request as JSON; None for cluster-scoped objects. Raises StatusError 404."""
        if not seen.namespace or seen.is_namespace:
            return None
        found = self._cached(seen.namespace) or await self._live(seen.namespace)
        if found is None:
            raise errors.not_found("", "namespaces", seen.namespace)
        return found

    async def labels(self, seen: Seen) -> Mapping[str, str] | None:
        """The labels that namespace selectors look at; None where they do not apply."""
        if seen.is_namespace:
            obj = seen.request.object or seen.request.old
            return obj.metadata.labels if obj is not None else {}
        body = await self.body(seen)
        return None if body is None else _decode(body).metadata.labels
