"""The authorizer: whether who asks may do something else.

What: `authorizer.group('apps').resource('deployments').check('get').allowed()` and its like. Why: policies ask it.
Flow: the caller binds an `Authorizer` made with a function from `Check` to `Decision`. Where that has to wait, it
raises `Undecided`: the caller finds the decision, and evaluates again; `Decisions` does this. Rules follow
apiserver/pkg/cel/library/authz.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from kubelite.machinery import names
from kubelite.machinery.cel.declarations import Library, opaque_name
from kubelite.machinery.cel.errors import CelError, EvaluationError
from kubelite.machinery.cel.values import Opaque


@dataclass(frozen=True, slots=True)
class Check:
    """What is asked: a path, or a resource; `service_account` is (namespace, name) if not who sent the request."""

    verb: str = ""
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""
    service_account: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the authorizer says."""

    allowed: bool
    reason: str = ""
    error: str = ""


class Undecided(CelError):
    """The evaluation needs an answer that is not known yet; nothing absorbs this."""

    def __init__(self, check: Check) -> None:
        self.check = check
        super().__init__("authorization is not decided")


class Decisions:
    """Answers found so far; asks by raising Undecided."""

    def __init__(self) -> None:
        self.known: dict[Check, Answer] = {}

    def __call__(self, check: Check) -> Answer:
        answer = self.known.get(check)
        if answer is None:
            raise Undecided(check)
        return answer


Decide = Callable[[Check], Answer]


class Authorizer(Opaque):
    """The variable `authorizer`."""

    __slots__ = ("check", "decide")
    type_name = opaque_name("Authorizer")

    def __init__(self, decide: Decide, check: Check | None = None) -> None:
        self.decide = decide
        self.check = check or Check()

    def identity(self) -> Any:
        return (id(self.decide), self.check)

    def with_(self, **parts: Any) -> Authorizer:
        """The same with more known."""
        return type(self)(self.decide, replace(self.check, **parts))


class PathCheck(Authorizer):
    """authorizer.path(...)"""

    __slots__ = ()
    type_name = opaque_name("PathCheck")


class GroupCheck(Authorizer):
    """authorizer.group(...)"""

    __slots__ = ()
    type_name = opaque_name("GroupCheck")


class ResourceCheck(Authorizer):
    """authorizer.group(...).resource(...); also the variable `authorizer.requestResource`."""

    __slots__ = ()
    type_name = opaque_name("ResourceCheck")


class Decision(Opaque):
    """What check() returns."""

    __slots__ = ("answer",)
    type_name = opaque_name("Decision")

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def identity(self) -> Any:
        return self.answer


def _path(authorizer: Authorizer, path: str) -> PathCheck:
    if not path.strip():
        raise EvaluationError("path must not be empty")
    return PathCheck(authorizer.decide, replace(authorizer.check, path=path))


def _group(authorizer: Authorizer, group: str) -> GroupCheck:
    return GroupCheck(authorizer.decide, replace(authorizer.check, group=group))


def _service_account(authorizer: Authorizer, namespace: str, name: str) -> Authorizer:
    problems = names.dns1123_subdomain(name)
    if problems:
        raise EvaluationError("Invalid service account name")
    problems = names.dns1123_label(namespace)
    if problems:
        raise EvaluationError("Invalid service account namespace")
    return authorizer.with_(service_account=(namespace, name))


def _resource(group: GroupCheck, resource: str) -> ResourceCheck:
    if not resource.strip():
        raise EvaluationError("resource must not be empty")
    return ResourceCheck(group.decide, replace(group.check, resource=resource))


def _part(name: str) -> Callable[[Any, str], Any]:
    return lambda check, value: check.with_(**{name: value})


def _decided(check: Authorizer, verb: str) -> Decision:
    return Decision(check.decide(replace(check.check, verb=verb)))


def library() -> Library:
    """The authz and authzSelectors libraries."""
    kinds = (Authorizer, PathCheck, GroupCheck, ResourceCheck, Decision)
    made = Library("authz", types=tuple(kind.type_name for kind in kinds))
    for name in ("subresource", "namespace", "name"):
        made.add(f"{name}: ResourceCheck.(string) -> ResourceCheck", _part(name))
    return made.add_all(
        [
            ("path: Authorizer.(string) -> PathCheck", _path),
            ("group: Authorizer.(string) -> GroupCheck", _group),
            ("serviceAccount: Authorizer.(string, string) -> Authorizer", _service_account),
            ("resource: GroupCheck.(string) -> ResourceCheck", _resource),
            ("fieldSelector: ResourceCheck.(string) -> ResourceCheck", _part("field_selector")),
            ("labelSelector: ResourceCheck.(string) -> ResourceCheck", _part("label_selector")),
            ("check: PathCheck.(string) -> Decision", _decided, "check"),
            ("check: ResourceCheck.(string) -> Decision", _decided, "check"),
            ("allowed: Decision.() -> bool", lambda decision: decision.answer.allowed),
            ("reason: Decision.() -> string", lambda decision: decision.answer.reason),
            ("error: Decision.() -> string", lambda decision: decision.answer.error),
            ("errored: Decision.() -> bool", lambda decision: bool(decision.answer.error)),
        ]
    )
