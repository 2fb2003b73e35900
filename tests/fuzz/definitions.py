"""Definitions of custom resources, their objects, and admission policies: the kinds whose rules users write.

What: `definition` draws a CustomResourceDefinition with a random schema and rules of any cost, `custom` an object for it,
`policy` a ValidatingAdmissionPolicy. Why: here users' expressions, patterns and defaults run inside the server. Flow:
`requests` asks for them now and then.
"""

from __future__ import annotations

from random import Random
from typing import Any

from tests.fuzz import words
from tests.fuzz.values import Maker

GROUP = "fuzz.example.com"
PLURALS = ("things", "boxes", "bags")
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
PROPERTIES = ("a", "b", "items", "name", "pattern", "replicas", "spec", "x y", "é", "metadata")


def _limits(random: Random, kind: str) -> dict[str, Any]:
    """Keywords that fit the type."""
    if kind == "string":
        choices: dict[str, Any] = {
            "maxLength": random.choice((0, 5, 2**40)),
            "minLength": random.choice((0, 3, -1)),
            "pattern": random.choice(words.PATTERNS),
            "format": random.choice(("date-time", "byte", "ipv4", "duration", "x")),
            "enum": ["a", "b", 1],
        }
    elif kind in ("integer", "number"):
        choices = {
            "minimum": random.choice((0, -1, 1e300)),
            "maximum": random.choice((0, 5, 10**30)),
            "multipleOf": random.choice((0, 2, 0.1, -3)),
            "exclusiveMinimum": True,
            "format": random.choice(("int32", "int64", "double")),
        }
    else:
        choices = {"maxItems": random.choice((3, 0, 10**6)), "minItems": 1, "maxProperties": random.choice((2, 10**9))}
    return {name: value for name, value in choices.items() if random.random() < 0.25}


def schema(random: Random, maker: Maker, depth: int = 0) -> dict[str, Any]:
    """A schema that is structural more often than not."""
    kind = (
        "object"
        if depth == 0
        else random.choice(("object", "array", "string", "integer", "number", "boolean", "object"))
    )
    out: dict[str, Any] = {"type": kind, **_limits(random, kind)}
    if kind == "object" and depth < 4:
        draw = random.random()
        if draw < 0.75 or depth == 0:
            names = random.sample(PROPERTIES, random.randint(1, 4))
            out["properties"] = {name: schema(random, maker, depth + 1) for name in names}
            if random.random() < 0.2:
                out["required"] = random.sample(PROPERTIES, 1)
        elif draw < 0.9:
            out["additionalProperties"] = schema(random, maker, depth + 1)
        else:
            out["x-kubernetes-preserve-unknown-fields"] = True
        if random.random() < 0.1:
            out["x-kubernetes-embedded-resource"] = True
    elif kind == "array":
        out["items"] = schema(random, maker, depth + 1)
        if random.random() < 0.4:
            out["x-kubernetes-list-type"] = random.choice(("set", "map", "atomic"))
            out["x-kubernetes-list-map-keys"] = random.sample(PROPERTIES, 1)
    if random.random() < 0.25:
        out["x-kubernetes-validations"] = [
            {
                "rule": random.choice(words.EXPRESSIONS),
                "message": "no",
                "reason": random.choice(("FieldValueInvalid",) * 9 + ("x",)),
            }
            for _ in range(random.randint(1, 3))
        ]
    if random.random() < 0.1 and depth:
        out["default"] = maker.free(3)
    if random.random() < 0.08:
        out[random.choice(("nullable", "x-kubernetes-int-or-string", "uniqueItems", "anyOf", "not", "oneOf"))] = (
            maker.absurd()
        )
    return out


def definition(random: Random, maker: Maker) -> dict[str, Any]:
    """A definition of one of the few custom resources."""
    plural = random.choice(PLURALS)
    version = {"served": True, "storage": True, "schema": {"openAPIV3Schema": schema(random, maker)}}
    versions: list[dict[str, Any]] = [{"name": "v1", **version}]
    if random.random() < 0.3:
        versions.append({"name": "v2", **version, "storage": False})
    if random.random() < 0.5:
        versions[0]["subresources"] = {
            "status": {},
            **(
                {"scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}}
                if random.random() < 0.5
                else {}
            ),
        }
    if random.random() < 0.3:
        column = {
            "name": "C",
            "type": random.choice(("string", "date", "integer")),
            "jsonPath": random.choice(words.PATHS),
        }
        versions[0]["additionalPrinterColumns"] = [column]
    if random.random() < 0.1:
        versions[0]["selectableFields"] = [{"jsonPath": random.choice((".spec.a", ".a", ".x[0]"))}]
    kind = plural.capitalize()[:-1]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": versions,
        },
    }


def custom(random: Random, maker: Maker, plural: str) -> dict[str, Any]:
    """An object for whatever schema the definition has now."""
    kind = plural.capitalize()[:-1]
    content = {name: maker.free(4) for name in random.sample(PROPERTIES[:6], 3)}
    spec = {"replicas": random.choice((1, 0, -1, "x")), "items": [{"name": "a"}] * random.randint(0, 3)}
    version = random.choice(("v1", "v1", "v1", "v2"))
    return {
        "apiVersion": f"{GROUP}/{version}",
        "kind": kind,
        "metadata": {"name": random.choice(words.NAMES)},
        "spec": spec,
        **content,
    }


def policy(random: Random) -> dict[str, Any]:
    """A policy on a kind that is often written."""
    rule = {
        "apiGroups": [random.choice(("", "*", GROUP))],
        "apiVersions": ["*"],
        "operations": ["*"],
        "resources": [random.choice(words.RESOURCES)],
    }
    checks = [{"expression": random.choice(words.EXPRESSIONS)} for _ in range(random.randint(1, 3))]
    if random.random() < 0.4:
        checks[0]["messageExpression"] = random.choice(("'a' + object.metadata.name", "1", *words.EXPRESSIONS))
    spec: dict[str, Any] = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": checks,
        "failurePolicy": random.choice(("Fail", "Ignore")),
    }
    if random.random() < 0.3:
        spec["variables"] = [{"name": "x", "expression": random.choice(words.EXPRESSIONS)}]
    if random.random() < 0.3:
        spec["matchConditions"] = [{"name": "m", "expression": random.choice(words.EXPRESSIONS)}]
    if random.random() < 0.2:
        spec["paramKind"] = {"apiVersion": "v1", "kind": "ConfigMap"}
    metadata = {"name": random.choice(("p1", "p2"))}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata,
        "spec": spec,
    }


def binding(random: Random) -> dict[str, Any]:
    """Makes a policy hold."""
    spec: dict[str, Any] = {
        "policyName": random.choice(("p1", "p2")),
        "validationActions": [random.choice(("Deny", "Warn", "Audit"))],
    }
    if random.random() < 0.2:
        spec["paramRef"] = {"name": "a", "parameterNotFoundAction": random.choice(("Deny", "Allow"))}
    metadata = {"name": random.choice(("p1", "p2"))}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": metadata,
        "spec": spec,
    }
