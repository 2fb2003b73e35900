"""One request as webhooks and policies see it: plain objects in a version, which may be changed and written back.

What: `Seen`: names, operation, objects by version, `store` for a changed one. Why: the write path has one typed object in the
stored version (a pod for `binding`, a workload for `scale`); outsiders are shown what the client sent, in the version they asked
for. Flow: a plugin makes one of the AdmissionRequest, `load`s a version, shows it, and `store`s what came back: converted, filled
with defaults, in place of the typed object's fields. Sources: apiserver/pkg/admission/conversion.go, plugin/webhook/mutating.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import codec, errors
from kubelite.machinery.apply import managers
from kubelite.machinery.kind import Kind
from kubelite.machinery.unstructured import Unstructured

Document = dict[str, Any]
_SERVERS = (
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
"""Metadata of a new object that is the server's own."""
_OUTDATED = (
    ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating "
    "admission controller; please fix your requests: "
)


class NotChangeable(Exception):
    """The object of this operation cannot be changed by admission."""


class Seen:
    """`kind` is the version that the client wrote; `name` and `namespace` are the request's.

    `unnamed`: the name that the server made is not shown, as upstream makes it after mutation.
    """

    __slots__ = ("_new", "_old", "kind", "name", "namespace", "operation", "request", "subresource", "unnamed")

    def __init__(self, request: AdmissionRequest, *, mutating: bool = False) -> None:
        self.request = request
        self.unnamed = mutating and request.ask is not None and request.ask.generated
        served = request.ask.served if request.ask is not None else None
        self.kind: Kind = served or request.kind
        self.subresource = request.subresource
        # The write path sees an update of the pod; the client created a Binding.
        self.operation = "CREATE" if request.subresource == "binding" else request.operation
        self.name = "" if self.unnamed else request.name
        self.namespace = request.namespace
        if request.kind.kind == "Namespace" and not request.kind.group:
            self.namespace = self.name
        self._new: dict[str, Document | None] = {}
        self._old: dict[str, Document | None] = {}

    @property
    def is_namespace(self) -> bool:
        return self.kind.kind == "Namespace" and not self.kind.group

    def object_kind(self, kind: Kind) -> tuple[str, str, str]:
        """(group, version, kind) of the object: the resource's, or that of the subresource."""
        for one in kind.subresources if self.subresource else ():
            if one.name == self.subresource and one.kind:
                return (one.group, one.version or "v1", one.kind)
        return (kind.group, kind.version, kind.kind)

    def labels(self) -> list[Mapping[str, str] | None]:
        """The labels of the new and of the old object; None where there is none, or none that has labels."""
        request = self.request
        found = []
        for one in (request.object, request.old):
            metadata = getattr(one, "metadata", None)
            found.append(None if metadata is None else metadata.labels)
        return found

    # -- showing

    async def load(self, kind: Kind) -> None:
        """Makes the objects of this version ready. Raises StatusError if a conversion webhook fails."""
        version = kind.api_version
        if version not in self._new:
            self._new[version] = await self._shown(self.request.object, kind, new=True)
        if version not in self._old:
            self._old[version] = await self._shown(self.request.old, kind, new=False)

    def object(self, kind: Kind) -> Document | None:
        """The new object, after `load`."""
        return self._new[kind.api_version]

    def old(self, kind: Kind) -> Document | None:
        """The old object, after `load`."""
        return self._old[kind.api_version]

    async def _shown(self, obj: Any, kind: Kind, *, new: bool) -> Document | None:
        if self.subresource == "binding":
            obj = self.request.options if new else None
        if obj is None:
            return None
        group, version, name = self.object_kind(kind)
        if self.subresource == "scale":
            document = _scale(self.request.kind, obj)
        elif not self.subresource or name == kind.kind:
            document = await _converted(obj, self.request.kind, kind)
            if self.unnamed and new:
                document["metadata"].pop("name", None)
            return document
        else:
            document = codec.to_generic(obj)
        document["apiVersion"], document["kind"] = f"{group}/{version}" if group else version, name
        return document

    # -- writing back

    async def store(self, kind: Kind, document: Document) -> None:
        """Takes over what a webhook or policy made of the object.

        Raises NotChangeable where the operation writes no object, StatusError for one that cannot be.
        """
        request = self.request
        obj = request.object
        if obj is None or isinstance(obj, dict) or self.subresource == "binding":
            raise NotChangeable
        if self.subresource == "scale":
            _set_scale(request.kind, obj, document)
        elif not self.subresource or self.object_kind(kind)[2] == kind.kind:
            _replace(obj, await self._stored(kind, document))
        else:
            _replace(obj, codec.convert(document, type(obj)))
        self._new.clear()

    async def _stored(self, kind: Kind, document: Document) -> Any:
        """The document as a typed object of the version that is written."""
        request, stored = self.request, self.request.kind
        before = request.object.metadata
        if stored.custom is not None:
            if kind is not stored:
                document = await _convert_custom(document, stored)
            new: Any = codec.convert(document, Unstructured)
        else:
            new = codec.convert(document, kind.type)
            if kind is not stored and kind.to_stored is not None:
                new = kind.to_stored(new)
        new.apiVersion, new.kind = stored.api_version, stored.kind
        metadata = new.metadata
        if metadata.namespace != before.namespace:
            raise errors.bad_request(
                f"the namespace of the provided object does not match the namespace sent on the request: "
                f"{metadata.namespace} != {before.namespace}"
            )
        if self.unnamed:
            metadata.name = metadata.name or before.name
        for name in _SERVERS if request.operation == "CREATE" else ("resourceVersion",):
            setattr(metadata, name, getattr(before, name))
        self._check_owners(metadata, before)
        stored.set_defaults(new)
        return new

    def _check_owners(self, metadata: Any, before: Any) -> None:
        """Managed fields that nobody can read are put back."""
        if metadata.managedFields == before.managedFields:
            return
        try:
            managers.decode(metadata.managedFields)
        except (managers.Malformed, ValueError, TypeError) as error:
            self.request.warnings.append(_OUTDATED + str(error))
            metadata.managedFields = before.managedFields


def _replace(target: Any, source: Any) -> None:
    """Gives the object that the write path holds the fields of another one."""
    if isinstance(target, Unstructured):
        target.metadata, target.content = source.metadata, source.content
        return
    for name in target.__struct_fields__:
        setattr(target, name, getattr(source, name))


async def _converted(obj: Any, stored: Kind, kind: Kind) -> Document:
    """A typed object of the version that is written, as plain values of another one."""
    if stored.custom is None and kind is not stored and kind.from_stored is not None:
        obj = kind.from_stored(codec.clone(obj))
    document: Document = codec.to_generic(obj)
    if stored.custom is not None and kind is not stored:
        return await _convert_custom(document, kind)
    document["apiVersion"], document["kind"] = kind.api_version, kind.kind
    return document


async def _convert_custom(document: Document, kind: Kind) -> Document:
    """A custom object in another version of its kind."""
    family = kind.custom.family  # type: ignore[union-attr]
    if family.converter is not None:
        document = (await family.converter.convert([document], kind.api_version, single=True))[0]
    document["apiVersion"] = kind.api_version
    return document


_SCALED = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def _scale(kind: Kind, obj: Any) -> Document:
    """autoscaling/v1 Scale of a workload."""
    paths = kind.scale
    assert paths is not None
    metadata = {name: getattr(obj.metadata, name) for name in _SCALED if getattr(obj.metadata, name)}
    status: Document = {"replicas": paths.status_replicas(obj)}
    selector = paths.selector(obj)
    if selector:
        status["selector"] = selector
    return {"metadata": metadata, "spec": {"replicas": paths.spec_replicas(obj)}, "status": status}


def _set_scale(kind: Kind, obj: Any, document: Document) -> None:
    spec = document.get("spec")
    number = spec.get("replicas", 0) if isinstance(spec, dict) else 0
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise errors.bad_request("spec.replicas must be a number that is greater than or equal to 0")
    assert kind.scale is not None
    kind.scale.set_replicas(obj, number)
