"""Policies and bindings for the tests of admission policies."""

from __future__ import annotations

from typing import Any

from tests.apienv import ApiEnv, Reply
from tests.integration.admission.hookserver import REGISTRATION, rule

VALIDATING = f"{REGISTRATION}/validatingadmissionpolicies"
MUTATING = f"{REGISTRATION}/mutatingadmissionpolicies"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
DEPLOYMENT_RULE = rule("deployments", group="apps", operations="CREATE UPDATE")


def validating(
    *expressions: str | dict[str, Any], name: str = "policy", rules: Any = None, **spec: Any
) -> dict[str, Any]:
    """A policy about config maps; each expression is a validation or its text."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": rules or [rule(operations="CREATE UPDATE")]},
            "validations": [{"expression": one} if isinstance(one, str) else one for one in expressions],
            **spec,
        },
    }


def mutating(
    *mutations: str, name: str = "policy", rules: Any = None, patch: bool = False, **spec: Any
) -> dict[str, Any]:
    """A policy about config maps; each text is the expression of an apply configuration, or of a JSON patch."""
    kind, field = ("JSONPatch", "jsonPatch") if patch else ("ApplyConfiguration", "applyConfiguration")
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "reinvocationPolicy": "Never",
            "matchConstraints": {"resourceRules": rules or [rule(operations="CREATE UPDATE")]},
            "mutations": [{"patchType": kind, field: {"expression": one}} for one in mutations],
            **spec,
        },
    }


def binding(policy: dict[str, Any], name: str = "binding", **spec: Any) -> dict[str, Any]:
    """A binding, which denies if it is one of a validating policy."""
    kind = policy["kind"] + "Binding"
    body: dict[str, Any] = {"policyName": policy["metadata"]["name"], **spec}
    if kind.startswith("Validating"):
        body.setdefault("validationActions", ["Deny"])
    return {"apiVersion": policy["apiVersion"], "kind": kind, "metadata": {"name": name}, "spec": body}


async def bound(api: ApiEnv, policy: dict[str, Any], **spec: Any) -> None:
    """Creates a policy and its binding; the server uses them from then on."""
    path = VALIDATING if policy["kind"].startswith("Validating") else MUTATING
    name = policy["metadata"]["name"]
    reply = await api.post(path, policy)
    assert reply.status == 201, reply.body
    about = binding(policy, name=spec.pop("name", f"{name}-binding"), **spec)
    reply = await api.post(path.replace("policies", "policybindings"), about)
    assert reply.status == 201, reply.body
    await api.registry.cache.fresh()


async def deploy(api: ApiEnv, name: str = "web", replicas: int = 1, **metadata: Any) -> Reply:
    """Creates a deployment."""
    labels = {"app": name}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    }
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, **metadata}, "spec": spec}
    return await api.post(DEPLOYMENTS, body)
