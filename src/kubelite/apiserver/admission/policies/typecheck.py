"""Types of a validating policy's expressions, checked against the schemas of what its rules name.

What: `warnings_of(policy, scheme)`. Why: an expression about a field that no Deployment has compiles, because it might be about
something else; its author should hear of it. Flow: rules without wildcards → kinds → types of their schemas → the expressions
compiled once for each. What is found is a warning in the status, and changes nothing. Source and texts:
apiserver/pkg/admission/plugin/policy/validating/typechecking.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.api import schemas
from kubelite.api.admissionregistration import expressions
from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.machinery.cel import types
from kubelite.machinery.kind import Kind
from kubelite.machinery.scheme import Scheme

MAX_KINDS = 10
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def _resolve(reference: str) -> Any:
    return schemas.definition(reference.rpartition("/")[2]) or None


def type_of(kind: Kind) -> Any:
    """The type of a kind's objects; None if nobody described them."""
    if kind.custom is not None:
        schema = kind.custom.schema
        if not schema:
            return None
        text = {"type": "string"}
        properties = {**schema.get("properties", {}), "apiVersion": text, "kind": text}
        properties["metadata"] = {"$ref": f"#/$defs/{META}"}
        return types.from_schema({**schema, "type": "object", "properties": properties}, resolve=_resolve)
    name = schemas.openapi_name(kind.api_version, kind.kind)
    return None if name is None else types.from_schema({"$ref": f"#/$defs/{name}"}, resolve=_resolve)


def shown(kind: Kind) -> str:
    """As Go prints a GroupVersionKind."""
    return f"{kind.group}/{kind.version}, Kind={kind.kind}"


def kinds_of(policy: v1.ValidatingAdmissionPolicy, scheme: Scheme) -> list[Kind]:
    """The kinds that the rules name without wildcards, at most ten, in the order of their names."""
    found: dict[str, Kind] = {}
    match = policy.spec.matchConstraints
    for rule in match.resourceRules if match is not None else ():
        if "*" in rule.apiGroups or "*" in rule.apiVersions:
            continue
        named = [text for text in rule.resources if "*" not in text and "/" not in text]
        for group in rule.apiGroups:
            for version in rule.apiVersions:
                for resource in named:
                    kind = scheme.by_resource(group, version, resource)
                    if kind is not None:
                        found[shown(kind)] = kind
    return [found[name] for name in sorted(found)][:MAX_KINDS]


def warnings_of(policy: v1.ValidatingAdmissionPolicy, scheme: Scheme) -> list[v1.ExpressionWarning]:
    """What does not fit the types, by field."""
    environments = []
    wanted = policy.spec.paramKind
    param_kind = scheme.by_kind(wanted.apiVersion, wanted.kind) if wanted is not None else None
    params = type_of(param_kind) if param_kind is not None else None
    for kind in kinds_of(policy, scheme):
        object_type = type_of(kind)
        if object_type is not None:
            known = {"object": object_type} | ({"params": params} if params is not None else {})
            made, _ = expressions.composition(policy, known)
            environments.append((shown(kind), made.environment))
    found = []
    for index, validation in enumerate(policy.spec.validations):
        for name, text in (("expression", validation.expression), ("messageExpression", validation.messageExpression)):
            said = "\n".join(_problems(environments, text)) if text else ""
            if said:
                found.append(v1.ExpressionWarning(fieldRef=f"spec.validations[{index}].{name}", warning=said))
    return found


def _problems(environments: list[tuple[str, Any]], text: str) -> list[str]:
    from kubelite.machinery.cel import CompileError

    found = []
    for name, environment in environments:
        try:
            environment.compile(text.strip())
        except CompileError as error:
            found.append(f"{name}: {error}\n")
    return found
