"""Which webhooks or policies a request concerns.

What: `Matcher` (rules, selectors) and `Index`, which remembers the answer of the rules for each kind of request. Why: a request
that nobody registered for must cost no more than one lookup. Flow: a plugin gives its hooks to an `Index`; `Index.of(seen)` names
those whose rules match, each with the kind (version) to show; `Matcher.selects` looks at the selectors. Sources:
apiserver/pkg/admission/plugin/webhook/{generic/webhook.go,predicates}, plugin/policy/matching/matching.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from kubelite.api.types.meta_v1 import LabelSelector
from kubelite.apiserver.admission.dynamic.seen import Seen
from kubelite.machinery import labels
from kubelite.machinery.kind import Kind
from kubelite.machinery.scheme import Scheme

ANY = "*"
GROUP = "admissionregistration.k8s.io"
POLICIES = frozenset(
    f"{kind}admission{what}" for kind in ("validating", "mutating") for what in ("policies", "policybindings")
)
"""What no policy may touch, so that a wrong one can be taken away."""
CONFIGURATIONS = POLICIES | {"validatingwebhookconfigurations", "mutatingwebhookconfigurations"}
"""What no webhook may touch."""
MOST_REMEMBERED = 4096


def rule_matches(rule: Any, operation: str, kind: Kind, subresource: str) -> bool:
    """Whether a rule names this operation on this resource; names of objects are looked at apart."""
    if ANY not in rule.operations and operation not in rule.operations:
        return False
    if ANY not in rule.apiGroups and kind.group not in rule.apiGroups:
        return False
    if ANY not in rule.apiVersions and kind.version not in rule.apiVersions:
        return False
    if rule.scope and rule.scope != ANY and (rule.scope == "Namespaced") != kind.namespaced:
        return False
    for text in rule.resources:
        resource, _, sub = text.partition("/")
        if resource in (ANY, kind.plural) and sub in (ANY, subresource):
            return True
    return False


def equivalents(scheme: Scheme, kind: Kind) -> list[Kind]:
    """Every served version of the same objects, this one first."""

    def same(other: Kind) -> bool:
        if kind.custom is not None:
            return other.custom is not None and (other.group, other.plural) == (kind.group, kind.plural)
        return other.custom is None and other.storage_kind is kind.storage_kind

    return [kind, *(one for one in scheme if one is not kind and one.verbs and same(one))]


class Matcher:
    """Rules and selectors, as a webhook, a policy or a binding has them. Without rules every request matches."""

    def __init__(
        self,
        rules: Sequence[Any],
        excluded: Sequence[Any],
        match_policy: str,
        namespaces: LabelSelector | None,
        objects: LabelSelector | None,
    ) -> None:
        self._rules = rules
        self._excluded = excluded
        self._exact = match_policy == "Exact"
        self._namespaces = _selector(namespaces)
        self._objects = _selector(objects)
        self.by_name = any(getattr(rule, "resourceNames", ()) for rule in (*rules, *excluded))

    def kind_for(self, seen: Seen, known: Sequence[Kind]) -> Kind | None:
        """The version to show: the requested one or, unless matching is exact, an equivalent one that a rule names."""
        if self._rules:
            found = self._first(self._rules, seen, known)
        else:
            found = known[0]
        if found is None or (self._excluded and self._first(self._excluded, seen, known) is not None):
            return None
        return found

    def _first(self, rules: Sequence[Any], seen: Seen, known: Sequence[Kind]) -> Kind | None:
        def matches(rule: Any, kind: Kind) -> bool:
            names = getattr(rule, "resourceNames", ())
            if names and seen.name not in names:
                return False
            return rule_matches(rule, seen.operation, kind, seen.subresource)

        if any(matches(rule, known[0]) for rule in rules):
            return known[0]
        if self._exact:
            return None
        return next((kind for rule in rules for kind in known[1:] if matches(rule, kind)), None)

    def selects(self, seen: Seen, space: Mapping[str, str] | None) -> bool:
        """Whether the selectors match; `space` are the labels of the request's namespace, None if it has none."""
        if self._namespaces is not None and space is not None and not self._namespaces.matches(space):
            return False
        if self._objects is None:
            return True
        found = self._objects
        return any(one is not None and found.matches(one) for one in seen.labels())

    @property
    def wants_namespace(self) -> bool:
        """Whether the labels of the namespace matter."""
        return self._namespaces is not None


def _selector(selector: LabelSelector | None) -> labels.Selector | None:
    """None if it selects everything."""
    if selector is None:
        return None
    try:
        found = labels.from_label_selector(selector)
    except ValueError:
        return labels.NOTHING
    return None if found.empty else found


class Matched(Protocol):
    """Whatever has a matcher."""

    @property
    def matcher(self) -> Matcher: ...


H = TypeVar("H", bound=Matched)


class Found(NamedTuple, Generic[H]):
    """A hook whose rules match, and the kind to show it; None if the names of objects have to be looked at first."""

    hook: H
    kind: Kind | None


class Index(Generic[H]):
    """The hooks of one plugin in their order."""

    def __init__(self, scheme: Scheme, hooks: Iterable[H]) -> None:
        self.hooks = tuple(hooks)
        self._scheme = scheme
        self._generation = scheme.generation
        self._memo: dict[tuple[str, int, str], tuple[Found[H], ...]] = {}
        self._known: dict[int, list[Kind]] = {}

    def of(self, seen: Seen) -> list[tuple[H, Kind]]:
        """The hooks whose rules match, with the kind to show each."""
        key = (seen.operation, id(seen.kind), seen.subresource)
        if self._generation != self._scheme.generation or len(self._memo) > MOST_REMEMBERED:
            self._memo.clear()
            self._known.clear()
            self._generation = self._scheme.generation
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = tuple(self._find(seen))
        if not found:
            return []
        out = []
        for hook, kind in found:
            shown = kind or hook.matcher.kind_for(seen, self._equivalents(seen.kind))
            if shown is not None:
                out.append((hook, shown))
        return out

    def _equivalents(self, kind: Kind) -> list[Kind]:
        known = self._known.get(id(kind))
        if known is None:
            known = self._known[id(kind)] = equivalents(self._scheme, kind)
        return known

    def _find(self, seen: Seen) -> Iterable[Found[H]]:
        known = self._equivalents(seen.kind)
        for hook in self.hooks:
            if hook.matcher.by_name:
                yield Found(hook, None)
                continue
            kind = hook.matcher.kind_for(seen, known)
            if kind is not None:
                yield Found(hook, kind)
