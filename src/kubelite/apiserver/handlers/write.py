"""POST, PUT, PATCH and DELETE of resources with storage.

What: one handler per verb, from the request to `Registry`'s write path and back to an answer. Why: everything about
HTTP (query, body, media types, status codes) ends here; the write path knows only objects. Flow: `dispatch` → handler
→ create/update/delete → answer. Source: apiserver/pkg/endpoints/handlers/{create,update,patch,delete}.go.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from kubelite.api.meta import validate_field_manager
from kubelite.api.types.meta_v1 import DeleteOptions
from kubelite.apiserver.handlers import read
from kubelite.apiserver.handlers.answers import attributes_of
from kubelite.apiserver.handlers.presentation import ListMeta, form_of
from kubelite.apiserver.handlers.revisions import list_query, parse_int
from kubelite.apiserver.handlers.selectors import selection_of
from kubelite.apiserver.registry import create, delete, update
from kubelite.apiserver.registry.ask import IGNORE, LOOPBACK, STRICT, WARN, Ask, Written
from kubelite.apiserver.registry.body import decode_body, media_type
from kubelite.apiserver.registry.patch import APPLY, patch_type, patcher, read_patch
from kubelite.apiserver.registry.registry import Registry
from kubelite.apiserver.request import Request, Response
from kubelite.machinery import errors, fielderrors
from kubelite.machinery.errors import StatusError
from kubelite.machinery.fielderrors import Path
from kubelite.machinery.kind import Kind

DELETED_IS_RETURNED = frozenset(
    (
        "pods",
        "services",
        "serviceaccounts",
        "podtemplates",
        "persistentvolumes",
        "persistentvolumeclaims",
        "resourcequotas",
    )
)
"""Kinds whose deletion answers with the object instead of a Status (ReturnDeletedObject)."""


def ask_of(request: Request, options_kind: str) -> Ask:
    """The options of a write. Raises StatusError 422 for values that do not exist."""
    ask = Ask(
        request.user or LOOPBACK,
        warnings=request.warnings,
        annotations=request.annotations,
        user_agent=request.headers.get("user-agent", ""),
    )
    if not request.raw_query and options_kind != "PatchOptions":
        return ask
    found = []
    dry_run = request.query.get("dryRun")
    if dry_run:
        if dry_run != ["All"]:
            found.append(
                fielderrors.not_supported(Path("dryRun"), dry_run[0] if len(dry_run) == 1 else dry_run, ["All"])
            )
        ask.dry_run = True
    ask.field_validation = request.param("fieldValidation") or WARN
    if ask.field_validation not in (STRICT, WARN, IGNORE):
        path = Path("fieldValidation")
        found.append(fielderrors.not_supported(path, ask.field_validation, ["", IGNORE, STRICT, WARN]))
    ask.field_manager = request.param("fieldManager")
    found += validate_field_manager(ask.field_manager, Path("fieldManager"))
    if options_kind == "PatchOptions":
        found += _check_apply(request, ask)
    if found:
        raise errors.invalid("meta.k8s.io", options_kind, "", found)
    return ask


def _check_apply(request: Request, ask: Ask) -> list[fielderrors.FieldError]:
    """An apply needs a manager, and only an apply can be forced."""
    ask.applies = is_apply(request)
    if ask.applies:
        return [] if ask.field_manager else [fielderrors.required(Path("fieldManager"), "is required for apply patch")]
    if request.query.get("force"):
        return [fielderrors.forbidden(Path("force"), "may not be specified for non-apply patch")]
    return []


def is_apply(request: Request) -> bool:
    """Whether a patch is a server-side apply."""
    return media_type(request.headers.get("content-type", "")) == APPLY


def _answer(request: Request, kind: Kind, written: Written, status: int = 200) -> Response:
    form = read.form_for(request, kind)
    return read.answer(request, form, written.entry, status)


def _decoded(request: Request, kind: Kind, ask: Ask) -> Any:
    """The body, as an object of the stored version."""
    obj = decode_body(
        request.body, request.headers.get("content-type", ""), kind.type, kind.api_version, kind.kind, ask, kind.custom
    )
    if kind.to_stored is not None:
        stored = kind.storage_kind
        obj = kind.to_stored(obj)
        obj.apiVersion, obj.kind = stored.api_version, stored.kind
    return obj


async def post(registry: Registry, request: Request, kind: Kind) -> Response:
    """Create: 201."""
    read.form_for(request, kind)
    ask = ask_of(request, "CreateOptions")
    obj = _decoded(request, kind, ask)
    ask.served = kind if kind.stored_as is not None else None
    written = await create.create(registry, kind.storage_kind, request.info.namespace, obj, ask)
    return _answer(request, kind, written, 201)


async def put(registry: Registry, request: Request, kind: Kind, rules: update.Rules | None = None) -> Response:
    """Update of the object or its status: 200, or 201 where an absent name is created."""
    read.form_for(request, kind)
    ask = ask_of(request, "UpdateOptions")
    ask.served = kind if kind.stored_as is not None else None
    info = request.info
    stored = kind.storage_kind
    namespace = info.namespace if kind.namespaced else ""
    first = _decoded(request, kind, ask)
    from kubelite.apiserver.registry.metadata import fill_scope

    fill_scope(first, stored, namespace, info.name)
    unused = [first]

    def fresh() -> Any:
        """The wanted object; a second try needs a second copy, because the write path changes it."""
        if unused:
            return unused.pop()
        again = _decoded(request, kind, Ask(field_validation=IGNORE))
        fill_scope(again, stored, namespace, info.name)
        return again

    uid = first.metadata.uid

    def change(old: Any) -> Any:
        if uid and uid != old.metadata.uid:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old.metadata.uid}"
            raise errors.conflict(stored.group, stored.plural, info.name, why)
        return fresh()

    creates = kind.create_on_update and not info.subresource and not uid and not first.metadata.resourceVersion
    written = await update.update(
        registry,
        stored,
        namespace,
        info.name,
        change,
        ask,
        subresource=info.subresource,
        create_with=fresh if creates else None,
        rules=rules,
    )
    return _answer(request, kind, written, 201 if written.created else 200)


def check_namespace(named: str, asked: str) -> None:
    """The namespace in a body must be the one in the URL. Raises StatusError 400."""
    if named and asked and named != asked:
        raise errors.bad_request(
            f"the namespace of the object ({named}) does not match the namespace on the request ({asked})"
        )


async def patch(registry: Registry, request: Request, kind: Kind, rules: update.Rules | None = None) -> Response:
    """Patch of the object or its status: 200; 201 where an apply creates the object."""
    read.form_for(request, kind)
    if is_apply(request):
        return await _apply(registry, request, kind, rules)
    type_ = patch_type(media_type(request.headers.get("content-type", "")))
    ask = ask_of(request, "PatchOptions")
    ask.served = kind if kind.stored_as is not None else None
    info = request.info
    stored = kind.storage_kind
    change = patcher(kind, type_, read_patch(request.body, type_), ask, info.subresource)

    def checked(body: Any) -> Any:
        return named(change(body), info.namespace, info.name)

    written = await update.update(
        registry,
        stored,
        info.namespace if kind.namespaced else "",
        info.name,
        checked,
        ask,
        subresource=info.subresource,
        derives=True,
        takes_body=True,
        rules=rules,
        tries=update.PATCH_TRIES,
    )
    return _answer(request, kind, written)


async def _apply(registry: Registry, request: Request, kind: Kind, rules: update.Rules | None) -> Response:
    """Server-side apply: merges what the body states, or creates it."""
    from kubelite.apiserver.registry.applied import Application, read_config

    ask = ask_of(request, "PatchOptions")
    info = request.info
    config = read_config(request.body, ask)
    application = Application(
        registry, kind, config, ask, force=request.param("force") in ("true", "1"), subresource=info.subresource
    )
    stored = kind.storage_kind
    namespace = info.namespace if kind.namespaced else ""

    def onto(body: bytes) -> Any:
        return named(application.onto(body), namespace, info.name)

    # An object that goes while it is applied to is no reason to create one without asking.
    refused: StatusError | None = errors.modified(stored.group, stored.plural, info.name)
    if not info.subresource and registry.entry(stored, namespace, info.name) is None:
        refused = await _refusal(registry, request, "create")

    def fresh() -> Any:
        if refused is not None:
            raise refused
        return application.fresh()

    written = await update.update(
        registry,
        stored,
        namespace,
        info.name,
        onto,
        ask,
        subresource=info.subresource,
        derives=True,
        takes_body=True,
        create_with=None if info.subresource else fresh,
        rules=rules,
        tries=update.PATCH_TRIES,
    )
    return _answer(request, kind, written, 201 if written.created else 200)


async def _refusal(registry: Registry, request: Request, verb: str) -> StatusError | None:
    """Why the user may not do what the request does under another verb; None if that is allowed."""
    from kubelite.apiserver.authz.refusal import refuse

    if registry.authorizer is None or request.user is None:
        return None
    attributes = replace(attributes_of(request), verb=verb)
    decision = registry.authorizer.authorize(request.user, attributes)
    allowed, reason = decision if isinstance(decision, tuple) else await decision
    return None if allowed else refuse(request.user, attributes, reason)


def named(obj: Any, namespace: str, name: str) -> Any:
    """The object, if it has the name and namespace of the URL. Raises StatusError 400."""
    if obj.metadata.name != name:
        raise errors.bad_request(
            f"the name of the object ({obj.metadata.name}) does not match the name on the URL ({name})"
        )
    check_namespace(obj.metadata.namespace, namespace)
    return obj


def delete_options(request: Request, ask: Ask) -> DeleteOptions:
    """From the body, else from the query. Raises StatusError 400, 415, 422."""
    if request.body.strip():
        options: DeleteOptions = decode_body(
            request.body,
            request.headers.get("content-type", ""),
            DeleteOptions,
            "",
            "DeleteOptions",
            Ask(field_validation=IGNORE),
        )
    else:
        options = DeleteOptions()
        if request.raw_query:
            _query_options(request, options)
    if ask.dry_run:
        options.dryRun = ["All"]
    delete.check_options(options)
    return options


def _query_options(request: Request, options: DeleteOptions) -> None:
    grace = request.param("gracePeriodSeconds")
    if grace:
        options.gracePeriodSeconds = parse_int(grace)
    options.propagationPolicy = request.param("propagationPolicy")
    orphan = request.param("orphanDependents")
    if orphan:
        options.orphanDependents = orphan in ("true", "1")


def _warn_of_orphans(request: Request, stored: Kind, options: DeleteOptions) -> None:
    if stored.orphan_warning and not options.propagationPolicy and options.orphanDependents is None:
        request.warnings.append(stored.orphan_warning)


async def delete_one(registry: Registry, request: Request, kind: Kind) -> Response:
    """Delete: a Status when the object is gone, the object when it is only marked (or its kind always returns it)."""
    read.form_for(request, kind)
    ask = ask_of(request, "DeleteOptions")
    ask.served = kind if kind.stored_as is not None else None
    options = delete_options(request, ask)
    info = request.info
    stored = kind.storage_kind
    _warn_of_orphans(request, stored, options)
    written = await delete.delete(registry, stored, info.namespace if kind.namespaced else "", info.name, options, ask)
    if not written.gone or kind.plural in DELETED_IS_RETURNED:
        status = 202 if not written.gone and options.orphanDependents is False else 200
        return _answer(request, kind, written, status)
    details = {"name": info.name, "group": kind.group, "kind": kind.plural, "uid": written.object.metadata.uid}
    return success({key: value for key, value in details.items() if value})


def success(details: dict[str, Any]) -> Response:
    """A Status of success."""
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return Response(200, msgspec.json.encode(status))


async def delete_collection(registry: Registry, request: Request, kind: Kind) -> Response:
    """Deletes what the selectors match: the list of what was deleted or marked."""
    ask = ask_of(request, "DeleteOptions")
    ask.served = kind if kind.stored_as is not None else None
    options = delete_options(request, ask)
    _warn_of_orphans(request, kind.storage_kind, options)
    list_query(request, watch=False)
    selection = selection_of(request, kind)
    await registry.cache.fresh()
    if kind.custom is not None:
        await read.prepare(form_of(kind), registry.cache.of(kind), selection.namespace)
    entries = list(registry.cache.of(kind.storage_kind).select(selection))
    done = await delete.delete_collection(registry, kind.storage_kind, entries, options, ask)
    return Response(200, form_of(kind).pieces(done, ListMeta(registry.cache.revision)))
