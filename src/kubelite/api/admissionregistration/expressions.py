"""The expressions of webhooks and policies: what they may use, and what they must evaluate to.

What: environments of variables, `compiled` with upstream's complaints, and the checks of every expression of a kind. Why: an
expression that does not compile is refused when it is written, not when somebody's request meets it. Flow: the kinds' `validate`
call `check_*`; admission compiles in the same environments. Sources: apiserver/pkg/admission/plugin/cel/{compile,composition}.go,
pkg/apis/admissionregistration/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path

if TYPE_CHECKING:
    from kubelite.machinery.cel import Environment, Program
    from kubelite.machinery.cel.types import Type

VARIABLES = "kubernetes.variables"
Policy = v1.ValidatingAdmissionPolicy | v1.MutatingAdmissionPolicy


class BadExpression(ValueError):
    """An expression that cannot be used; the text is the detail of the field's error."""


def _object(type_name: str, /, **members: Any) -> Type:
    from kubelite.machinery.cel.types import Field, ObjectType

    return ObjectType(type_name, {key: Field(kind, key) for key, kind in members.items()})


@cache
def request_type() -> Type:
    """`request`: what an AdmissionReview says, without the objects."""
    from kubelite.machinery.cel.types import BOOL, DYN, STRING, list_of, map_of

    kind = _object("kubernetes.GroupVersionKind", group=STRING, version=STRING, kind=STRING)
    resource = _object("kubernetes.GroupVersionResource", group=STRING, version=STRING, resource=STRING)
    extra = map_of(STRING, list_of(STRING))
    user = _object("kubernetes.UserInfo", username=STRING, uid=STRING, groups=list_of(STRING), extra=extra)
    return _object(
        "kubernetes.AdmissionRequest",
        kind=kind,
        resource=resource,
        subResource=STRING,
        requestKind=kind,
        requestResource=resource,
        requestSubResource=STRING,
        name=STRING,
        namespace=STRING,
        operation=STRING,
        userInfo=user,
        uid=STRING,
        dryRun=BOOL,
        options=DYN,
    )


@cache
def namespace_type() -> Type:
    """`namespaceObject`: the parts of a Namespace that policies see."""
    from kubelite.machinery.cel.types import INT, STRING, TIMESTAMP, list_of, map_of

    texts = map_of(STRING, STRING)
    metadata = _object(
        "kubernetes.NamespaceMetadata",
        name=STRING,
        generateName=STRING,
        uid=STRING,
        labels=texts,
        annotations=texts,
        creationTimestamp=TIMESTAMP,
        deletionTimestamp=TIMESTAMP,
        deletionGracePeriodSeconds=INT,
        generation=INT,
        resourceVersion=STRING,
        finalizers=list_of(STRING),
    )
    spec = _object("kubernetes.NamespaceSpec", finalizers=list_of(STRING))
    status = _object("kubernetes.NamespaceStatus", phase=STRING)
    return _object("kubernetes.Namespace", apiVersion=STRING, kind=STRING, metadata=metadata, spec=spec, status=status)


def environment(
    *, params: bool = False, mutates: bool = False, object_type: Type | None = None, params_type: Type | None = None
) -> Environment:
    """The variables and libraries of an expression; untyped objects are what admission evaluates."""
    from kubelite.machinery.cel import Environment, libraries, mutation
    from kubelite.machinery.cel.functions_authorizer import Authorizer, ResourceCheck
    from kubelite.machinery.cel.types import DYN, opaque

    variables: dict[str, Any] = {
        "object": object_type or DYN,
        "oldObject": object_type or DYN,
        "request": request_type(),
        "namespaceObject": namespace_type(),
        "authorizer": opaque(Authorizer.type_name),
        "authorizer.requestResource": opaque(ResourceCheck.type_name),
    }
    if params:
        variables["params"] = params_type or DYN
    if mutates:
        return Environment(variables, libraries.MUTATION, mutation.structs())
    return Environment(variables)


@cache
def plain_environment() -> Environment:
    """That of match conditions of webhooks."""
    return environment()


class Composition:
    """An environment in which later expressions see the variables that came before. Raises BadExpression from `add`."""

    def __init__(self, base: Environment) -> None:
        from kubelite.machinery.cel.types import ObjectType

        self._fields: dict[str, Any] = {}
        self.environment = base.extend({"variables": ObjectType(VARIABLES, self._fields)})
        self.programs: dict[str, Program] = {}

    def add(self, variable: v1.Variable) -> None:
        """Compiles a variable; one that does not compile stays known as something."""
        from kubelite.machinery.cel.types import DYN, Field

        self._fields[variable.name] = Field(DYN, variable.name)
        program = compiled(self.environment, variable.expression)
        self._fields[variable.name] = Field(program.result_type, variable.name)
        self.programs[variable.name] = program


def compiled(environment: Environment, text: str, wanted: Sequence[Type] = ()) -> Program:
    """The program of an expression of one of the wanted types (of any, if none is named). Raises BadExpression."""
    from kubelite.machinery.cel import CompileError

    try:
        program = environment.compile(text.strip())
    except CompileError as error:
        raise BadExpression(f"compilation failed: {error}") from None
    if not wanted or any(program.result_type == one for one in wanted):
        return program
    if len(wanted) == 1:
        raise BadExpression(f"must evaluate to {wanted[0]}")
    raise BadExpression(f"must evaluate to one of [{' '.join(str(one) for one in wanted)}]")


def wanted_types(what: str) -> tuple[Type, ...]:
    """What the expression of a validation, a message, an annotation or a mutation must evaluate to."""
    from kubelite.machinery.cel import mutation, types

    return {
        "bool": (types.BOOL,),
        "message": (types.STRING,),
        "annotation": (types.STRING, types.NULL),
        "ApplyConfiguration": (mutation.object_type(),),
        "JSONPatch": (types.list_of(mutation.JSON_PATCH),),
    }[what]


def _check(environment: Environment, text: str, what: str, path: Path) -> FieldErrors:
    if not text.strip():
        return []  # reported as missing by whoever checks the field itself
    try:
        compiled(environment, text, wanted_types(what))
    except BadExpression as error:
        return [fe.invalid(path, text, str(error))]
    return []


def check_conditions(
    conditions: Iterable[v1.MatchCondition], path: Path, environment: Environment | None = None
) -> FieldErrors:
    """Match conditions compile to booleans; without an environment those of webhooks."""
    errors: FieldErrors = []
    for index, condition in enumerate(conditions):
        here = path.index(index) / "expression"
        errors += _check(environment or plain_environment(), condition.expression, "bool", here)
    return errors


def composition(policy: Policy, types: Mapping[str, Type] | None = None) -> tuple[Composition, list[tuple[int, str]]]:
    """The environment of a policy's expressions with its variables, and what is wrong with those by index."""
    mutates = isinstance(policy, v1.MutatingAdmissionPolicy)
    known = types or {}
    base = environment(
        params=policy.spec.paramKind is not None,
        mutates=mutates,
        object_type=known.get("object"),
        params_type=known.get("params"),
    )
    made = Composition(base)
    wrong = []
    for index, variable in enumerate(policy.spec.variables):
        try:
            made.add(variable)
        except BadExpression as error:
            wrong.append((index, str(error)))
    return made, wrong


def expressions_of(policy: Policy) -> list[tuple[Path, str, str]]:
    """(path, text, what it must be) of every expression but the variables'."""
    spec, path = policy.spec, Path("spec")
    found = []
    for index, condition in enumerate(spec.matchConditions):
        found.append(((path / "matchConditions").index(index) / "expression", condition.expression, "bool"))
    if isinstance(spec, v1.MutatingAdmissionPolicySpec):
        for index, mutation in enumerate(spec.mutations):
            for name, part in (("applyConfiguration", mutation.applyConfiguration), ("jsonPatch", mutation.jsonPatch)):
                if part is not None:
                    what = "JSONPatch" if name == "jsonPatch" else "ApplyConfiguration"
                    here = (path / "mutations").index(index) / name / "expression"
                    found.append((here, part.expression, what))
        return found
    for index, validation in enumerate(spec.validations):
        here = (path / "validations").index(index)
        found.append((here / "expression", validation.expression, "bool"))
        found.append((here / "messageExpression", validation.messageExpression, "message"))
    for index, annotation in enumerate(spec.auditAnnotations):
        here = (path / "auditAnnotations").index(index) / "valueExpression"
        found.append((here, annotation.valueExpression, "annotation"))
    return found


def check_policy(policy: Policy) -> FieldErrors:
    """Every expression of a policy compiles to what it must be."""
    made, wrong = composition(policy)
    errors: FieldErrors = []
    for index, detail in wrong:
        variable = policy.spec.variables[index]
        if variable.expression.strip():
            here = (Path("spec") / "variables").index(index) / "expression"
            errors.append(fe.invalid(here, variable.expression, detail))
    for path, text, what in expressions_of(policy):
        errors += _check(made.environment, text, what, path)
    return errors
