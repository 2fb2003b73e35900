"""Server-side apply: a configuration becomes a change of the present object, or a new object.

What: `Application`, one apply request: `onto(body)` for `update`, `fresh()` for `create`. Why: apply differs from other patches
in that it can create, can conflict, and says itself who owns what. Flow: YAML body → `read_config` → checks of kind, types and
managers → `machinery.apply.updater` → typed object with managedFields → the write path. Sources:
apiserver/pkg/endpoints/handlers/patch.go (applyPatcher), apimachinery/pkg/util/managedfields/internal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kubelite.api import ownership as fields
from kubelite.apiserver.registry import ownership
from kubelite.apiserver.registry.ask import IGNORE, STRICT, Ask
from kubelite.apiserver.registry.body import convert_document
from kubelite.apiserver.registry.patch import fitting
from kubelite.machinery import codec, errors
from kubelite.machinery.apply import compare, fieldset, managers, typed
from kubelite.machinery.apply.conflict import Conflicts
from kubelite.machinery.apply.managers import BEFORE_FIRST_APPLY, Managed
from kubelite.machinery.apply.updater import Object, Updater
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind

if TYPE_CHECKING:
    from kubelite.apiserver.registry.registry import Registry

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
ANNOTATIONS_LIMIT = 256 * 1024
UPGRADED_MANAGER = "kubectl"
"""The only manager whose conflicts with its own client-side past are no conflicts."""


def read_config(body: bytes, ask: Ask) -> Object:
    """The applied configuration, YAML or JSON. Raises StatusError 400."""
    repeated: list[str] = []
    try:
        document = _plain_json(body)
        if document is None:
            document = codec.decode_yaml(body, repeated)
    except StatusError as error:
        raise errors.bad_request(f"error decoding YAML: {error.message}") from None
    if document is None:
        document = {}
    if not isinstance(document, dict):
        found = codec.json_kind(document)
        why = f"json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
        raise errors.bad_request(f"error decoding YAML: error unmarshaling JSON: while decoding JSON: {why}")
    if repeated and ask.field_validation != IGNORE:
        text = "\n  ".join(repeated)
        if ask.field_validation == STRICT:
            raise errors.bad_request(f"error strict decoding YAML: {text}")
        ask.warnings.append(text)
    return document


def _plain_json(body: bytes) -> Any:
    """The body if it is JSON without repeated keys, which is what clients send; None for what the YAML reader must look at."""
    if not body.lstrip().startswith(b"{"):
        return None
    try:
        document = msgspec.json.decode(body)
        # A repeated key shortens the text; whether something else did is for the slower reader to say.
        same = len(msgspec.json.encode(document)) == len(msgspec.json.format(body.strip(), indent=-1))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return document if same else None


def check_config(config: Object, api_version: str, kind: str) -> None:
    """Raises StatusError 400 for a configuration of another kind, or one that brings managedFields."""
    found_version, found_kind = config.get("apiVersion") or "", config.get("kind") or ""
    if (found_version, found_kind) != (api_version, kind):
        group, _, version = str(found_version).rpartition("/")
        raise errors.bad_request(f"invalid object type: {group}/{version}, Kind={found_kind}")
    metadata = config.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
        raise errors.bad_request("metadata.managedFields must be nil")


def check_types(config: Object, shape: Any, api_version: str) -> None:
    """Raises StatusError 400 for a configuration that does not have the fields and types of its kind."""
    wrong = typed.errors_of(shape, config)
    if wrong:
        group, _, version = api_version.rpartition("/")
        metadata = config.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        about = f"{metadata.get('namespace') or ''}/{metadata.get('name') or ''}"
        about += f"; {group}/{version}, Kind={config.get('kind')}"
        # Upstream has no reason for this error either: clients print its text alone.
        raise StatusError(400, "", f"failed to create typed patch object ({about}): {typed.message(wrong)}")


def conflict_error(found: Conflicts) -> StatusError:
    """The 409 that lists the conflicts."""
    return StatusError(409, "Conflict", found.message(), {"causes": found.causes()})


class Application:
    """One request to apply `config` to an object of `kind` (in the version that the client writes)."""

    def __init__(
        self, registry: Registry, kind: Kind, config: Object, ask: Ask, *, force: bool, subresource: str
    ) -> None:
        check_config(config, kind.api_version, kind.kind)
        self._registry = registry
        self._kind = kind
        self._config = config
        self._ask = ask
        self._force = force
        self._subresource = subresource
        self._updater = ownership.updater_of(registry, kind, subresource)
        check_types(config, self._updater.shape, kind.api_version)

    def onto(self, body: bytes) -> Any:
        """The present object (stored bytes) with the configuration applied. Raises StatusError 409 for conflicts."""
        kind = self._kind
        stored = codec.decode(body, kind.storage_kind.type)
        entries = stored.metadata.managedFields
        stored.metadata.managedFields = []
        shown = stored if kind.from_stored is None else kind.from_stored(stored)
        shown.apiVersion, shown.kind = kind.api_version, kind.kind
        try:
            managed = managers.decode(entries, trusted=True)
        except managers.Malformed as error:
            raise errors.bad_request(f"failed to decode managed fields: {error}") from None
        return self._result(codec.to_generic(shown), managed)

    def fresh(self) -> Any:
        """The configuration as a new object. Raises StatusError 409 for one that names an object's uid."""
        metadata = self._config.get("metadata") or {}
        uid = metadata.get("uid")
        if uid:
            kind = self._kind
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise errors.conflict(kind.group, kind.plural, str(metadata.get("name") or ""), why)
        return self._result({}, {})

    def _result(self, live: Object, managed: Managed) -> Any:
        if live and not managed:
            managed = self._before_first_apply(live)
        document, managed = self._apply(live, managed)
        if self._ask.field_manager == UPGRADED_MANAGER:
            document = _with_last_applied(document, self._config)
        kind = self._kind
        with fitting(document):
            obj = convert_document(document, kind, Ask(field_validation=IGNORE))
        obj.apiVersion, obj.kind = kind.api_version, kind.kind
        if kind.to_stored is not None:
            obj = kind.to_stored(obj)
            obj.apiVersion, obj.kind = kind.storage_kind.api_version, kind.storage_kind.kind
        obj.metadata.managedFields = ownership.entries_of(managed)
        return obj

    def _before_first_apply(self, live: Object) -> Managed:
        """All fields of an object that was never tracked belong to whoever wrote it before."""
        me = managers.updater(BEFORE_FIRST_APPLY, self._kind.api_version, self._subresource)
        managed, _ = self._updater.update({}, live, {}, me)
        return {owner: owned._replace(time=self._registry.now_text()) for owner, owned in managed.items()}

    def _apply(self, live: Object, managed: Managed) -> tuple[Object, Managed]:
        me = managers.applier(self._ask.field_manager, self._subresource)
        try:
            document, after = self._updater.apply(live, self._config, managed, me, force=self._force)
        except Conflicts as found:
            rest = found
            if self._ask.field_manager == UPGRADED_MANAGER:
                rest = found.without(self._applied_by_client(live))
            if rest.by_manager:
                raise conflict_error(rest) from None
            document, after = self._updater.apply(live, self._config, managed, me, force=True)
        if (document is not None or after != managed) and me in after:
            after[me] = after[me]._replace(time=self._registry.now_text())
        return (live if document is None else document), after

    def _applied_by_client(self, live: Object) -> fieldset.Tree:
        """What `kubectl apply` without --server-side set and nobody changed since, by its annotation."""
        return applied_by_client(self._updater, live)


def applied_by_client(updater: Updater, live: Object) -> fieldset.Tree:
    """The fields of the last-applied annotation that the object still has as they were applied."""
    annotations = (live.get("metadata") or {}).get("annotations") or {}
    text = annotations.get(LAST_APPLIED)
    if not text:
        return {}
    try:
        last = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    if not isinstance(last, dict) or last.get("apiVersion") != updater.api_version:
        return {}
    if typed.errors_of(updater.shape, last):
        return {}
    found = compare.field_set(updater.shape, last)
    for changed in compare.compare(updater.shape, last, live):
        found = fieldset.difference(found, changed)
    return found


def _with_last_applied(document: Object, config: Object) -> Object:
    """Keeps the annotation of client-side apply true, if there is one, so that old clients can go on."""
    metadata = document.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    if not annotations.get(LAST_APPLIED):
        return document
    applied = dict(config)
    if isinstance(applied.get("metadata"), dict):
        bare = {name: value for name, value in applied["metadata"].items() if name != "managedFields"}
        if isinstance(bare.get("annotations"), dict):
            bare["annotations"] = {name: text for name, text in bare["annotations"].items() if name != LAST_APPLIED}
        applied["metadata"] = bare
    text = msgspec.json.encode(applied, order="sorted").decode() + "\n"
    others = {name: value for name, value in annotations.items() if name != LAST_APPLIED}
    size = sum(len(str(name).encode()) + len(str(value).encode()) for name, value in others.items())
    if size + len(LAST_APPLIED) + len(text.encode()) <= ANNOTATIONS_LIMIT:
        others[LAST_APPLIED] = text
    return {**document, "metadata": {**metadata, "annotations": others}}


class ScaleApplication:
    """One request to apply a Scale to the scale subresource of an object."""

    def __init__(self, registry: Registry, kind: Kind, config: Object, ask: Ask, *, force: bool) -> None:
        check_config(config, fields.scale.SCALE_VERSION, "Scale")
        self._registry = registry
        self._kind = kind
        self._config = config
        self._ask = ask
        self._force = force
        shape = fields.scale_shape()
        check_types(config, shape, fields.scale.SCALE_VERSION)
        self._updater = Updater(shape, fields.scale.SCALE_VERSION, lambda version: None, fields.SCALE_IGNORED)

    def onto(self, live: Object, entries: ownership.Entries) -> tuple[Object, ownership.Entries]:
        """The Scale (plain values) with the configuration applied, and the parent's entries. Raises StatusError 409."""
        parent = managers.decode(entries, trusted=True)
        path_in = ownership.path_in(self._registry, self._kind)
        managed = fields.scale.to_scale(parent, path_in)
        me = managers.applier(self._ask.field_manager, "scale")
        if not managed:
            first = managers.updater(BEFORE_FIRST_APPLY, fields.scale.SCALE_VERSION, "scale")
            managed, _ = self._updater.update({}, live, {}, first)
        try:
            document, after = self._updater.apply(live, self._config, managed, me, force=self._force)
        except Conflicts as found:
            raise conflict_error(found) from None
        if (document is not None or after != managed) and me in after:
            after[me] = after[me]._replace(time=self._registry.now_text())
        merged = fields.scale.to_parent(parent, after, self._kind.api_version, path_in)
        return (live if document is None else document), ownership.entries_of(merged)
