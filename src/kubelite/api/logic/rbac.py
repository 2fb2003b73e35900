"""What role-based access control rules allow: compiled permissions, coverage and the names of subjects.

What: `Permissions` folds the rules of all roles that one subject has into a table that answers in a few dictionary look-ups;
`uncovered` tells which of the wanted rules the owned ones do not cover (the escalation check).
Why: a decision is on the path of every request, and a user may be bound to a thousand roles.
Flow: rules of Roles and ClusterRoles in, yes or no out. Rules follow pkg/apis/rbac/v1/evaluation_helpers.go and
component-helpers/auth/rbac/validation/policy_comparator.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubelite.api.types.rbac_v1 import PolicyRule, Subject

ANY = "*"
SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"

USER, GROUP = "User", "Group"


def service_account_user(namespace: str, name: str) -> str:
    """The user name of a service account."""
    return f"{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}"


def service_account_of(user: str) -> tuple[str, str] | None:
    """(namespace, name) of the service account that a user name stands for; None for other users."""
    if not user.startswith(SERVICE_ACCOUNT_PREFIX):
        return None
    namespace, found, name = user[len(SERVICE_ACCOUNT_PREFIX) :].partition(":")
    return (namespace, name) if found and namespace and name and ":" not in name else None


def subject_key(subject: Subject, binding_namespace: str = "") -> tuple[str, str] | None:
    """(`User` or `Group`, name): whom a binding's subject means; None for a subject that nobody can be."""
    if subject.kind == "ServiceAccount":
        namespace = subject.namespace or binding_namespace
        return (USER, service_account_user(namespace, subject.name)) if namespace else None
    if subject.kind in (USER, GROUP):
        return subject.kind, subject.name
    return None


class Permissions:
    """The sum of many rules. `None` as the names of a triple means all objects, a set means only those named."""

    __slots__ = ("_exact_urls", "_resources", "_url_prefixes")

    def __init__(self, rules: Iterable[PolicyRule]) -> None:
        self._resources: dict[tuple[str, str, str], set[str] | None] = {}
        self._exact_urls: set[tuple[str, str]] = set()
        self._url_prefixes: list[tuple[str, str]] = []
        for rule in rules:
            if rule.nonResourceURLs:
                self._add_urls(rule)
            if rule.resources:
                self._add_resources(rule)

    def _add_urls(self, rule: PolicyRule) -> None:
        for verb in rule.verbs:
            for url in rule.nonResourceURLs:
                if url.endswith(ANY):
                    self._url_prefixes.append((verb, url[:-1]))
                else:
                    self._exact_urls.add((verb, url))

    def _add_resources(self, rule: PolicyRule) -> None:
        table = self._resources
        for group in rule.apiGroups:
            for resource in rule.resources:
                for verb in rule.verbs:
                    triple = (verb, group, resource)
                    if not rule.resourceNames:
                        table[triple] = None
                    elif triple not in table:
                        table[triple] = set(rule.resourceNames)
                    elif (names := table[triple]) is not None:
                        names.update(rule.resourceNames)

    def allows(self, verb: str, group: str, resource: str, subresource: str = "", name: str = "") -> bool:
        """Whether a request for a resource is allowed; `name` is "" for lists and creates."""
        if subresource:
            patterns: tuple[str, ...] = (f"{resource}/{subresource}", ANY, f"*/{subresource}")
        else:
            patterns = (resource, ANY)
        table = self._resources
        for pattern in patterns:
            for one_group in (group, ANY):
                for one_verb in (verb, ANY):
                    names = table.get((one_verb, one_group, pattern), _ABSENT)
                    if names is None or (name and name in names):
                        return True
        return False

    def allows_url(self, verb: str, path: str) -> bool:
        """Whether a request for a path that is no resource is allowed."""
        exact = self._exact_urls
        if (verb, path) in exact or (ANY, path) in exact:
            return True
        return any(one in (verb, ANY) and path.startswith(prefix) for one, prefix in self._url_prefixes)


_ABSENT: frozenset[str] = frozenset()


def _has_all(owned: Sequence[str], wanted: Sequence[str]) -> bool:
    return ANY in owned or all(one in owned for one in wanted)


def _covers_resources(owned: Sequence[str], wanted: Sequence[str]) -> bool:
    def one(resource: str) -> bool:
        if resource in owned:
            return True
        _, slash, subresource = resource.partition("/")
        return bool(slash) and f"*/{subresource}" in owned

    return ANY in owned or all(one(resource) for resource in wanted)


def _covers_urls(owned: Sequence[str], wanted: Sequence[str]) -> bool:
    def one(path: str) -> bool:
        return any(path == own or (own.endswith(ANY) and path.startswith(own[:-1])) for own in owned)

    return all(one(path) for path in wanted)


def covers(owned: PolicyRule, wanted: PolicyRule) -> bool:
    """Whether one rule gives everything that another one does."""
    names = not owned.resourceNames or (
        bool(wanted.resourceNames) and all(name in owned.resourceNames for name in wanted.resourceNames)
    )
    return (
        _has_all(owned.verbs, wanted.verbs)
        and _has_all(owned.apiGroups, wanted.apiGroups)
        and _covers_resources(owned.resources, wanted.resources)
        and _covers_urls(owned.nonResourceURLs, wanted.nonResourceURLs)
        and names
    )


def break_down(rule: PolicyRule) -> list[PolicyRule]:
    """A rule as the smallest rules that mean the same: one verb, one group, one resource, one name each."""
    small: list[PolicyRule] = []
    for group in rule.apiGroups:
        for resource in rule.resources:
            for verb in rule.verbs:
                for names in [[name] for name in rule.resourceNames] or [[]]:
                    small.append(PolicyRule(apiGroups=[group], resources=[resource], verbs=[verb], resourceNames=names))
    for url in rule.nonResourceURLs:
        small += [PolicyRule(nonResourceURLs=[url], verbs=[verb]) for verb in rule.verbs]
    return small


def uncovered(owned: Sequence[PolicyRule], wanted: Iterable[PolicyRule]) -> list[PolicyRule]:
    """The smallest rules among the wanted ones that the owned ones do not give; empty if nothing is escalated."""
    return [small for rule in wanted for small in break_down(rule) if not any(covers(own, small) for own in owned)]


def compact_text(rule: PolicyRule) -> str:
    """A rule as error texts show it: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`."""

    def listed(values: Sequence[str]) -> str:
        return "[" + " ".join(f'"{value}"' for value in values) + "]"

    parts = [
        ("APIGroups", rule.apiGroups),
        ("Resources", rule.resources),
        ("NonResourceURLs", rule.nonResourceURLs),
        ("ResourceNames", rule.resourceNames),
        ("Verbs", rule.verbs),
    ]
    return "{" + ", ".join(f"{name}:{listed(values)}" for name, values in parts if values) + "}"
