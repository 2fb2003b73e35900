"""The parameters of a policy: objects of the cluster that a binding names.

What: `Params.of(policy, binding, seen)`: plain objects. Why: one policy serves many bindings, each with its own figures. Flow:
paramKind → a kind of the server, built-in or custom; paramRef → names or a selector → cached objects. Source:
apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go (CollectParams).
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.apiserver.admission.dynamic.seen import Seen
from kubelite.apiserver.registry.update import viewed
from kubelite.apiserver.watchcache.entry import Entry
from kubelite.apiserver.watchcache.selection import Selection
from kubelite.machinery import codec, labels
from kubelite.machinery.kind import Kind

NOT_FOUND = "no params found for policy binding with `Deny` parameterNotFoundAction"
_plain = msgspec.json.Decoder().decode


class Misconfigured(Exception):
    """A policy or a binding that cannot be evaluated; `policy`: it is the policy that is wrong."""

    def __init__(self, text: str, *, policy: bool = False) -> None:
        super().__init__(f"failed to configure {'policy' if policy else 'binding'}: {text}")
        self.policy = policy


class Params:
    """Reads the objects of one registry."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry

    def kind_of(self, wanted: v1.ParamKind) -> Kind:
        """The served kind of parameters. Raises Misconfigured."""
        kind: Kind | None = self._registry.scheme.by_kind(wanted.apiVersion, wanted.kind)
        if kind is None or not kind.verbs:
            version = wanted.apiVersion if "/" in wanted.apiVersion else f"/{wanted.apiVersion}"
            text = f"failed to find resource referenced by paramKind: '{version}, Kind={wanted.kind}'"
            raise Misconfigured(text, policy=True)
        return kind

    async def of(self, wanted: v1.ParamKind | None, ref: v1.ParamRef | None, seen: Seen) -> list[Any]:
        """The parameters to evaluate with, one after the other; [None] for a policy without. Raises Misconfigured."""
        if wanted is None or ref is None:
            return [None]
        kind = self.kind_of(wanted)
        namespace = _namespace(kind, ref, seen)
        entries = self._entries(kind, namespace, ref)
        found = [await self._document(kind, entry) for entry in entries]
        if not found and ref.parameterNotFoundAction == "Deny":
            raise Misconfigured(NOT_FOUND)
        return found

    def _entries(self, kind: Kind, namespace: str, ref: v1.ParamRef) -> list[Entry]:
        registry = self._registry
        if ref.name:
            entry = registry.entry(kind.storage_kind, namespace, ref.name)
            return [] if entry is None else [entry]
        try:
            selector = labels.from_label_selector(ref.selector)
        except ValueError as error:
            raise Misconfigured(str(error)) from None
        selection = Selection(kind.storage_kind, namespace, labels=None if selector.empty else selector)
        return list(registry.cache.of(kind.storage_kind).select(selection))

    @staticmethod
    async def _document(kind: Kind, entry: Entry) -> Any:
        if kind.custom is not None:
            return _plain((await viewed(kind, entry)).body)
        if kind.from_stored is None:
            return _plain(entry.body)
        document = codec.to_generic(kind.from_stored(codec.decode(entry.body, kind.storage_kind.type)))
        return {**document, "apiVersion": kind.api_version, "kind": kind.kind}


def _namespace(kind: Kind, ref: v1.ParamRef, seen: Seen) -> str:
    """Where the parameters are: where the binding says, else in the request's own namespace."""
    if not kind.namespaced:
        if ref.namespace:
            raise Misconfigured("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        return ""
    if ref.namespace:
        return ref.namespace
    if not seen.namespace:
        raise Misconfigured("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
    return seen.namespace
