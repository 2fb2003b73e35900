"""`Kind`: the one declaration of an API kind, from which everything else is derived.

What: names, scope, verbs, subresources, type, rules and columns of a kind, as one frozen value.
Why: discovery, OpenAPI, storage keys, RBAC names, CLI names and docs are all read off the declaration, so that adding a
kind is adding one file. Flow: `api/<group>/<kind>.py` declares it, `api/__init__.py` lists it, `machinery/scheme.py` looks
it up. All functions of a Kind are pure; those that change an object change the typed object in place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from kubelite.machinery.fielderrors import FieldError

if TYPE_CHECKING:
    from kubelite.machinery.apply.shape import Shape

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
STATUS_VERBS = ("get", "patch", "update")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subresource:
    """`pods/log`: `group`, `version` and `kind` name the object served where it differs from the parent's."""

    name: str
    verbs: tuple[str, ...]
    kind: str = ""
    group: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the server-side table: `priority` 0 always shows, 1 only with `-o wide`."""

    name: str
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePaths:
    """Where `scale` finds its numbers, as attribute names of the typed object's spec and status."""

    spec_replicas: Callable[[Any], int]
    status_replicas: Callable[[Any], int]
    selector: Callable[[Any], str]
    set_replicas: Callable[[Any, int], None]
    path: tuple[str, ...] = ("spec", "replicas")
    """The field that holds the wanted number, for the owners of fields."""


class Custom(Protocol):
    """How the objects of a kind that a user defined are read in one version and written in the stored one.

    `Entry` is the watch cache's; a view is an entry whose body is in this kind's version, with defaults.
    """

    @property
    def digest(self) -> bytes:
        """Names the state of the definition; equal on every server."""

    @property
    def list_kind(self) -> str: ...

    @property
    def schema(self) -> dict[str, Any] | None:
        """The OpenAPI v3 schema of this version."""

    @property
    def terminating(self) -> bool:
        """The definition is being deleted: nothing new is taken."""

    def view(self, entry: Any) -> Any | None:
        """The entry as this version sees it; None if a webhook must be asked first."""

    def prepare(self, entries: Iterable[Any]) -> Awaitable[None] | None:
        """Makes views of all entries possible; None if they are already. What it returns raises StatusError."""

    def coerce(self, obj: Any) -> list[str]:
        """Drops from a request's object what the schema does not name; the complaints, as `unknown field "spec.foo"`."""

    async def encode(self, obj: Any) -> bytes:
        """The object of this version as it is stored."""


def _nothing(obj: Any) -> None:
    return None


def _nothing_to_update(new: Any, old: Any) -> None:
    return None


def _valid(obj: Any) -> list[FieldError]:
    return []


def _valid_update(new: Any, old: Any) -> list[FieldError]:
    return []


def _keep_spec(new: Any, old: Any) -> None:
    """A status update changes status only: the spec and the labels stay as they were."""
    if hasattr(old, "spec"):
        new.spec = old.spec


def _keep_status(new: Any, old: Any) -> None:
    if hasattr(old, "status"):
        new.status = old.status


NAME_AND_AGE = (
    Column(name="Name", format="name", description="Name must be unique within a namespace."),
    Column(name="Age", description="How long the object exists."),
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Kind:
    """One API kind in its stored version.

    Order of the write path: `set_defaults` → `prepare_create`/`prepare_update` → admission → `validate` (and
    `validate_update(new, old)`) → encode. A status write uses `prepare_status_update` and `validate_status_update`.
    """

    group: str
    version: str
    kind: str
    plural: str
    type: type[Any]
    namespaced: bool = True
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    storage_prefix: str = ""
    """Path below /registry, "" for the plural, or group/plural for extension groups where upstream does so."""
    stored: bool = True
    """False: the kind is answered, not kept (reviews, bindings). With no verbs it is only the body of a subresource."""
    stored_as: Kind | None = None
    """Another version of the same objects, which is the one that is stored: reads pass through `from_stored`, writes
    through `to_stored`; rules, keys and watches are those of `stored_as`."""
    to_stored: Callable[[Any], Any] | None = None
    """Typed object of this version → typed object of the stored version."""
    from_stored: Callable[[Any], Any] | None = None
    own_rules: bool = False
    """`validate` and `validate_update` of this version judge what is written through it, instead of those of `stored_as`."""

    custom: Custom | None = None
    """Set for kinds of CustomResourceDefinitions; each served version is a kind of its own over the same keys."""

    set_defaults: Callable[[Any], None] = _nothing
    validate: Callable[[Any], list[FieldError]] = _valid
    """Checks everything but metadata, which `api.meta` checks for all kinds with `check_name`."""
    validate_update: Callable[[Any, Any], list[FieldError]] = _valid_update
    validate_status_update: Callable[[Any, Any], list[FieldError]] = _valid_update
    check_name: Callable[[str, bool], list[str]] | None = None
    """(name, is_prefix) → complaints. None: a DNS-1123 subdomain."""
    warnings: Callable[[Any, Any], list[str]] | None = None
    """(new, old or None) → texts for Warning headers."""
    deprecation: str = ""
    """What every request for the kind is warned of; "" for a kind that stays."""

    set_requester: Callable[[Any, Any], None] | None = None
    """(new object, user with name, uid, groups and extra): for kinds that tell who asked for them. Before `prepare_create`."""
    mark_deleted: Callable[[Any, str], None] | None = None
    """(object, now) when its deletion is asked for the first time: puts in what the kind wants done before it goes."""
    prepare_create: Callable[[Any], None] = _nothing
    """After the generic part (identity, generation 1 where `has_generation`); clears the status where a client may not set it."""
    prepare_update: Callable[[Any, Any], None] = _keep_status
    prepare_status_update: Callable[[Any, Any], None] = _keep_spec
    has_generation: bool = False
    """The generation grows when anything outside metadata and status changes."""
    annotations_count: bool = False
    """The generation grows with the annotations, too."""
    labels_count: bool = False
    """The generation grows with the labels, too."""
    create_on_update: bool = False
    """PUT of an absent name creates it."""
    unconditional_update: bool = True
    """PUT without resourceVersion is accepted."""
    orphans_by_default: bool = False
    orphan_warning: str = ""
    """What a deletion is warned of that leaves the dependents only because it says nothing about them."""
    grace_seconds: Callable[[Any, int | None], int] | None = None
    """(object, asked) → seconds of graceful deletion; None: deletion is immediate."""
    scale: ScalePaths | None = None
    apply_shape: Callable[[], Shape] | None = None
    """How the fields of a kind with a schema of its own merge (custom resources); None: by the schemas of built-in kinds."""

    columns: tuple[Column, ...] = NAME_AND_AGE
    row: Callable[[Any, datetime], list[Any]] | None = None
    """Cells after the typed object and the present time; None: name and age."""
    selectable: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)
    """Field selectors besides metadata.name and metadata.namespace: label → value."""
    indexed: str = ""
    """One of them by which many clients select: a text in the object at the path of that name."""

    def __repr__(self) -> str:
        return f"Kind({self.api_version} {self.kind})"

    @property
    def storage_kind(self) -> Kind:
        """The kind whose bytes are in the store: this one, or the one it is a version of."""
        return self.stored_as or self

    @property
    def has_status(self) -> bool:
        for subresource in self.subresources:  # noqa: SIM110 - asked for by every write: a generator costs twice as much
            if subresource.name == "status":
                return True
        return False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """The name used in errors, RBAC and the CLI: `deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular_name(self) -> str:
        return self.singular or self.kind.lower()

    @property
    def key_prefix(self) -> str:
        """`/registry/pods/`, the prefix of every key of this kind."""
        return f"/registry/{self.storage_prefix or self.plural}/"

    def key(self, namespace: str, name: str) -> str:
        """The storage key of one object; `namespace` is "" for a cluster-scoped one."""
        return f"{self.key_prefix}{namespace}/{name}" if self.namespaced else f"{self.key_prefix}{name}"

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path on the API server; "" for `namespace` means all namespaces."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if self.namespaced and namespace:
            root += f"/namespaces/{namespace}"
        root += f"/{self.plural}"
        if name:
            root += f"/{name}"
        return f"{root}/{subresource}" if subresource else root
