"""The audit policy: what of which request is written down.

What: `load(text)` reads a Policy of audit.k8s.io/v1, `Policy.decide` finds the rule of a request. Why: pure, so that a table
tests it. Flow: the first rule that matches decides; a request that no rule matches is not audited. A field that does not
exist is refused. Source: apiserver/pkg/audit/policy/{reader,checker}.go, apiserver/pkg/apis/audit/validation/validation.go.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from kubelite.apiserver.request import RequestInfo, UserInfo

NONE, METADATA, REQUEST, REQUEST_RESPONSE = "None", "Metadata", "Request", "RequestResponse"
LEVELS = (NONE, METADATA, REQUEST, REQUEST_RESPONSE)
RECEIVED, STARTED, COMPLETE, PANIC = "RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"
STAGES = (RECEIVED, STARTED, COMPLETE, PANIC)
API_VERSION = "audit.k8s.io/v1"


class PolicyError(ValueError):
    """A policy that cannot be used, and why."""


class GroupResources(msgspec.Struct, forbid_unknown_fields=True):
    """Resources of a group; "pods/log", "*", "*/status" and "pods/*" are understood."""

    group: str = ""
    resources: list[str] = []
    resourceNames: list[str] = []


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    """An empty list matches everything."""

    level: str = ""
    users: list[str] = []
    userGroups: list[str] = []
    verbs: list[str] = []
    resources: list[GroupResources] = []
    namespaces: list[str] = []
    nonResourceURLs: list[str] = []
    omitStages: list[str] = []
    omitManagedFields: bool | None = None


class Decision(NamedTuple):
    """What is kept of a request; `level` is an index of `LEVELS`."""

    level: int
    omit_stages: frozenset[str]
    omit_managed_fields: bool


NOTHING = Decision(0, frozenset(), False)


class Policy(msgspec.Struct, forbid_unknown_fields=True):
    """A Policy object."""

    apiVersion: str = ""
    kind: str = ""
    metadata: dict[str, Any] = {}
    rules: list[Rule] = []
    omitStages: list[str] = []
    omitManagedFields: bool = False

    def decide(self, user: UserInfo | None, info: RequestInfo) -> Decision:
        """The rule of a request; `user` is None for one whose credentials were no good."""
        for rule in self.rules:
            if _matches(rule, user, info):
                managed = self.omitManagedFields if rule.omitManagedFields is None else rule.omitManagedFields
                stages = frozenset((*rule.omitStages, *self.omitStages))
                return Decision(LEVELS.index(rule.level), stages, managed)
        return NOTHING


def load(text: str) -> Policy:
    """The policy in a YAML text. Raises `PolicyError`."""
    import yaml

    try:
        policy = msgspec.convert(yaml.safe_load(text) or {}, Policy)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise PolicyError(f"failed decoding the audit policy: {error}") from None
    if policy.apiVersion != API_VERSION or policy.kind != "Policy":
        raise PolicyError(f"unknown group version kind {policy.apiVersion}, Kind={policy.kind} in the audit policy")
    if not policy.rules:
        raise PolicyError("loaded illegal policy with 0 rules")
    _check_stages("omitStages", policy.omitStages)
    for number, rule in enumerate(policy.rules):
        _check(f"rules[{number}]", rule)
    return policy


def _check_stages(path: str, stages: list[str]) -> None:
    for number, stage in enumerate(stages):
        if stage not in STAGES:
            known = ", ".join(f'"{one}"' for one in STAGES)
            raise PolicyError(f'{path}[{number}]: Invalid value: "{stage}": allowed stages are {known}')


def _check(path: str, rule: Rule) -> None:
    if not rule.level:
        raise PolicyError(f"{path}.level: Required value")
    if rule.level not in LEVELS:
        known = ", ".join(f'"{level}"' for level in LEVELS)
        raise PolicyError(f'{path}.level: Unsupported value: "{rule.level}": supported values: {known}')
    if rule.nonResourceURLs and (rule.resources or rule.namespaces):
        raise PolicyError(
            f"{path}.nonResourceURLs: Invalid value: rules cannot apply to both regular resources and non-resource URLs"
        )
    for url in rule.nonResourceURLs:
        if url != "*" and (not url.startswith("/") or "*" in url[:-1]):
            raise PolicyError(
                f'{path}.nonResourceURLs: Invalid value: "{url}": must begin with "/" and have "*" only at the end'
            )
    for group in rule.resources:
        if group.resourceNames and not group.resources:
            raise PolicyError(f"{path}.resources: Invalid value: using resourceNames requires at least one resource")
    _check_stages(f"{path}.omitStages", rule.omitStages)


def _matches(rule: Rule, user: UserInfo | None, info: RequestInfo) -> bool:
    if rule.users and (user is None or user.name not in rule.users):
        return False
    if rule.userGroups and (user is None or not any(group in user.groups for group in rule.userGroups)):
        return False
    if rule.verbs and info.verb not in rule.verbs:
        return False
    if rule.namespaces or rule.resources:
        return info.is_resource and _matches_resource(rule, info)
    if rule.nonResourceURLs:
        return not info.is_resource and any(_matches_path(one, info.path) for one in rule.nonResourceURLs)
    return True


def _matches_path(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def _matches_resource(rule: Rule, info: RequestInfo) -> bool:
    if rule.namespaces and info.namespace not in rule.namespaces:
        return False
    if not rule.resources:
        return True
    full = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    for group in rule.resources:
        if group.group != info.group:
            continue
        if not group.resources:
            return True
        if group.resourceNames and info.name not in group.resourceNames:
            continue
        for wanted in group.resources:
            if wanted in (full, "*"):
                return True
            if info.subresource and wanted in (f"*/{info.subresource}", f"{info.resource}/*"):
                return True
            if not info.subresource and wanted == f"{info.resource}/*":
                return True
    return False
