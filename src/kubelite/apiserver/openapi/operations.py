"""The operations on kinds, as OpenAPI path items: which verb on which path takes and gives what.

What: `path_items(kind, style)` → paths of one kind. Why: kubectl reads off them whether a PATCH understands
fieldValidation, and generators make clients of them. Flow: the kind's verbs and subresources → path → method → operation with
x-kubernetes-action and x-kubernetes-group-version-kind. `Style` hides what differs between OpenAPI 2 and 3.
Source of names and actions: apiserver/pkg/endpoints/installer.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from kubelite.apiserver.openapi.schemas import META, Schemas
from kubelite.machinery.kind import Kind, Subresource

PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
MEDIA = ("application/json", "application/yaml")
QUERY: dict[str, tuple[str, str]] = {
    "allowWatchBookmarks": ("boolean", "Ask for marks of progress in a watch."),
    "continue": ("string", "Where a limited list goes on."),
    "dryRun": ("string", "All: do everything except keeping the result."),
    "fieldManager": ("string", "Who changes the fields."),
    "fieldSelector": ("string", "Restrict the answer by fields."),
    "fieldValidation": ("string", "What to do about unknown and duplicate fields: Ignore, Warn or Strict."),
    "force": ("boolean", "Take fields over from other managers."),
    "gracePeriodSeconds": ("integer", "Seconds until the object is removed."),
    "labelSelector": ("string", "Restrict the answer by labels."),
    "limit": ("integer", "How many objects to answer with at most."),
    "orphanDependents": ("boolean", "Keep what the object owns; propagationPolicy says it better."),
    "pretty": ("string", "Indent the answer."),
    "propagationPolicy": ("string", "What becomes of owned objects: Orphan, Background or Foreground."),
    "resourceVersion": ("string", "How fresh the answer must be."),
    "resourceVersionMatch": ("string", "How resourceVersion is meant."),
    "sendInitialEvents": ("boolean", "Begin a watch with the present objects."),
    "timeoutSeconds": ("integer", "When to end the call."),
    "watch": ("boolean", "Stay and report changes."),
}
LIST_QUERY = (
    "allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit", "resourceVersion",
    "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds", "watch",
)  # fmt: skip
WRITE_QUERY = ("dryRun", "fieldManager", "fieldValidation")
DELETE_QUERY = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")


class Style(Protocol):
    """OpenAPI 2 or 3."""

    schemas: Schemas

    def parameter(self, name: str, place: str, type_: str, text: str, *, required: bool) -> dict[str, Any]: ...

    def operation(self, body: str, media: tuple[str, ...], answer: str, codes: tuple[int, ...]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One operation before it is written down. `body` and `answer` are definitions; "" for plain text or nothing."""

    method: str
    action: str
    word: str
    query: tuple[str, ...]
    body: str
    answer: str
    codes: tuple[int, ...] = (200,)


def path_items(kind: Kind, style: Style) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, path item) for every path of a kind."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    collection = f"{root}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"
    name = style.schemas.of_kind(kind)
    gvk = {"group": kind.group, "kind": kind.kind, "version": kind.version}
    stored = kind.stored or kind.stored_as is not None
    collective = [call for call in _collection(kind, name) if call.action_verb in kind.verbs]
    if collective:
        yield collection, _item(kind, style, gvk, [call.call for call in collective], named=False)
    if kind.namespaced and "list" in kind.verbs:
        everywhere = [Call("get", "list", "list", LIST_QUERY, "", f"{name}List")]
        yield f"{root}/{kind.plural}", _item(kind, style, gvk, everywhere, named=False, everywhere=True)
    if stored:
        single = [call.call for call in _single(kind, name) if call.action_verb in kind.verbs]
        yield f"{collection}/{{name}}", _item(kind, style, gvk, single, named=True)
    for sub in kind.subresources:
        answered = _sub_definition(kind, sub, style.schemas, name)
        sub_gvk = {
            "group": sub.group if sub.version else kind.group,
            "kind": sub.kind or kind.kind,
            "version": sub.version or kind.version,
        }
        calls = list(_sub_calls(sub, answered))
        yield f"{collection}/{{name}}/{sub.name}", _item(kind, style, sub_gvk, calls, named=True, suffix=sub.name)


@dataclass(frozen=True, slots=True)
class _Offer:
    action_verb: str
    call: Call


def _collection(kind: Kind, name: str) -> list[_Offer]:
    status = META + "Status"
    return [
        _Offer("list", Call("get", "list", "list", LIST_QUERY, "", f"{name}List")),
        _Offer("create", Call("post", "post", "create", WRITE_QUERY, name, name, (200, 201, 202))),
        _Offer(
            "deletecollection",
            Call(
                "delete",
                "deletecollection",
                "deletecollection",
                DELETE_QUERY + LIST_QUERY[:-1],
                META + "DeleteOptions",
                status,
            ),
        ),
    ]


def _single(kind: Kind, name: str) -> list[_Offer]:
    status = META + "Status"
    return [
        _Offer("get", Call("get", "get", "read", (), "", name)),
        _Offer("update", Call("put", "put", "replace", WRITE_QUERY, name, name, (200, 201))),
        _Offer("patch", Call("patch", "patch", "patch", (*WRITE_QUERY, "force"), META + "Patch", name, (200, 201))),
        _Offer("delete", Call("delete", "delete", "delete", DELETE_QUERY, META + "DeleteOptions", status, (200, 202))),
    ]


def _sub_definition(kind: Kind, sub: Subresource, schemas: Schemas, name: str) -> str:
    """The definition that a subresource takes and gives; "" for streams."""
    if not sub.kind or sub.kind == kind.kind:
        return name if sub.name != "log" else ""
    parts = name.split(".")
    group = (sub.group or kind.group).partition(".")[0] or "core"
    parts[-3:] = [group, sub.version or kind.version, sub.kind]
    found = ".".join(parts)
    return found if schemas.has(found) else ""


def _sub_calls(sub: Subresource, definition: str) -> Iterator[Call]:
    words = {"get": ("get", "get", "read"), "update": ("put", "put", "replace"), "patch": ("patch", "patch", "patch")}
    words |= {"create": ("post", "post", "create"), "delete": ("delete", "delete", "delete")}
    for verb in sub.verbs:
        method, action, word = words[verb]
        if not definition:
            yield Call(
                method, action if sub.name == "log" else "connect", word if sub.name == "log" else "connect", (), "", ""
            )
        elif verb == "get":
            yield Call(method, action, word, (), "", definition)
        else:
            body = META + "Patch" if verb == "patch" else definition
            yield Call(method, action, word, WRITE_QUERY, body, definition, (200, 201))


def _item(
    kind: Kind,
    style: Style,
    gvk: dict[str, str],
    calls: list[Call],
    *,
    named: bool,
    everywhere: bool = False,
    suffix: str = "",
) -> dict[str, Any]:
    item: dict[str, Any] = {}
    for call in calls:
        # Nobody knows how the lists of a custom resource merge strategically; kubectl looks here whether it may try.
        patches = PATCHES if kind.custom is None else PATCHES[:-1]
        media = patches if call.method == "patch" else MEDIA
        operation = style.operation(call.body, media, call.answer, call.codes)
        operation["operationId"] = _operation_id(kind, call, everywhere=everywhere, suffix=suffix)
        operation["tags"] = [_tag(kind)]
        operation["parameters"] = operation.get("parameters", []) + [
            style.parameter(name, "query", QUERY[name][0], QUERY[name][1], required=False) for name in call.query
        ]
        operation["x-kubernetes-action"] = call.action
        operation["x-kubernetes-group-version-kind"] = gvk
        item[call.method] = operation
    common = []
    if named:
        common.append(style.parameter("name", "path", "string", f"Name of the {kind.kind}.", required=True))
    if kind.namespaced and not everywhere:
        common.append(style.parameter("namespace", "path", "string", "The namespace of the object.", required=True))
    common.append(style.parameter("pretty", "query", *QUERY["pretty"], required=False))
    item["parameters"] = common
    return item


def _tag(kind: Kind) -> str:
    return f"{_camel(kind.group) or 'core'}_{kind.version}"


def _camel(group: str) -> str:
    first, *rest = group.removesuffix(".k8s.io").split(".")
    return first + "".join(word.title() for word in rest)


def _operation_id(kind: Kind, call: Call, *, everywhere: bool, suffix: str) -> str:
    group = _camel(kind.group) or "core"
    version = kind.version.title()
    scope = "Namespaced" if kind.namespaced and not everywhere else ""
    tail = "ForAllNamespaces" if everywhere else ""
    word = "deleteCollection" if call.word == "deletecollection" else call.word
    if call.word == "connect":
        word = f"connect{call.method.title()}"
    head = f"{word}{group[:1].upper()}{group[1:]}{version}"
    return (
        f"{head}{scope}{kind.kind}{suffix.title()}{tail}"
        if word != "deleteCollection"
        else (f"delete{group[:1].upper()}{group[1:]}{version}Collection{scope}{kind.kind}")
    )
