"""Which requests rules and selectors match."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite import api
from kubelite.api.types.admissionregistration_v1 import NamedRuleWithOperations as Rule
from kubelite.api.types.core_v1 import ConfigMap
from kubelite.api.types.meta_v1 import LabelSelector, ObjectMeta
from kubelite.apiserver.admission.dynamic.matching import Index, Matcher, equivalents, rule_matches
from kubelite.apiserver.admission.dynamic.seen import Seen
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind

SCHEME = api.scheme()


def kind_of(group: str, version: str, plural: str) -> Kind:
    found = SCHEME.by_resource(group, version, plural)
    assert found is not None
    return found


PODS, NODES = kind_of("", "v1", "pods"), kind_of("", "v1", "nodes")
DEPLOYMENTS = kind_of("apps", "v1", "deployments")


def a_rule(**fields: Any) -> Rule:
    known = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "scope": "*"}
    return Rule(**{**known, **fields})


@pytest.mark.parametrize(
    ("rule", "kind", "subresource", "matches"),
    [
        (a_rule(), PODS, "", True),
        (a_rule(), PODS, "status", False),
        (a_rule(resources=["*/*"]), PODS, "status", True),
        (a_rule(resources=["*/*"]), PODS, "", True),
        (a_rule(resources=["*/status"]), PODS, "status", True),
        (a_rule(resources=["pods/*"]), PODS, "exec", True),
        (a_rule(resources=["pods/*"]), NODES, "proxy", False),
        (a_rule(resources=["pods/exec"]), PODS, "attach", False),
        (a_rule(resources=["pods"]), PODS, "exec", False),
        (a_rule(operations=["DELETE"]), PODS, "", False),
        (a_rule(operations=["DELETE", "CREATE"]), PODS, "", True),
        (a_rule(apiGroups=["apps"]), PODS, "", False),
        (a_rule(apiGroups=["", "apps"]), DEPLOYMENTS, "", True),
        (a_rule(apiVersions=["v1beta1"]), DEPLOYMENTS, "", False),
        (a_rule(scope="Namespaced"), PODS, "", True),
        (a_rule(scope="Namespaced"), NODES, "", False),
        (a_rule(scope="Cluster"), NODES, "", True),
        (a_rule(scope="Cluster"), PODS, "", False),
    ],
)
def test_a_rule_names_operations_groups_versions_resources_and_a_scope(
    rule: Rule, kind: Kind, subresource: str, matches: bool
) -> None:
    assert rule_matches(rule, "CREATE", kind, subresource) is matches


def seen_of(labels: dict[str, str] | None = None, old: dict[str, str] | None = None) -> Seen:
    def one(found: dict[str, str] | None) -> ConfigMap | None:
        return None if found is None else ConfigMap(metadata=ObjectMeta(name="cm", labels=found))

    request = AdmissionRequest(
        "UPDATE", kind_of("", "v1", "configmaps"), "default", "cm", object=one(labels), old=one(old)
    )
    return Seen(request)


def matcher(namespaces: LabelSelector | None = None, objects: LabelSelector | None = None) -> Matcher:
    return Matcher([a_rule()], (), "Equivalent", namespaces, objects)


def test_selectors_look_at_the_namespace_and_at_the_object_as_it_was_or_will_be() -> None:
    wanted = LabelSelector(matchLabels={"a": "b"})
    assert matcher(namespaces=wanted).selects(seen_of({}), {"a": "b"})
    assert not matcher(namespaces=wanted).selects(seen_of({}), {"a": "c"})
    assert matcher(namespaces=wanted).selects(seen_of({}), None), "objects outside of namespaces always match"
    assert matcher(objects=wanted).selects(seen_of({"a": "b"}), {})
    assert matcher(objects=wanted).selects(seen_of({}, {"a": "b"}), {})
    assert not matcher(objects=wanted).selects(seen_of({}, {}), {})
    assert matcher(objects=LabelSelector()).selects(seen_of(None), {})


def test_equivalent_versions_are_those_of_the_same_objects() -> None:
    found = {one.api_version for one in equivalents(SCHEME, DEPLOYMENTS)}
    assert {"apps/v1", "extensions/v1beta1"} <= found
    assert equivalents(SCHEME, DEPLOYMENTS)[0] is DEPLOYMENTS


def test_excluded_rules_win() -> None:
    found = Matcher([a_rule()], [a_rule(resources=["configmaps"])], "Equivalent", None, None)
    assert found.kind_for(seen_of({}), [kind_of("", "v1", "configmaps")]) is None


class Hook:
    def __init__(self, *rules: Rule) -> None:
        self.matcher = Matcher(rules, (), "Equivalent", None, None)


OPERATIONS = ["CREATE", "UPDATE", "DELETE", "CONNECT"]
RULES = st.builds(
    a_rule,
    operations=st.lists(st.sampled_from(OPERATIONS), min_size=1, max_size=2),
    apiGroups=st.lists(st.sampled_from(["", "apps", "extensions", "*"]), min_size=1, max_size=2),
    apiVersions=st.lists(st.sampled_from(["v1", "v1beta1", "*"]), min_size=1, max_size=2),
    resources=st.lists(st.sampled_from(["pods", "deployments", "*", "*/status", "pods/exec"]), min_size=1, max_size=2),
    resourceNames=st.sampled_from([[], ["x"], ["y"]]),
)


@settings(max_examples=30)
@given(st.lists(st.lists(RULES, min_size=1, max_size=3), max_size=3))
def test_what_the_index_remembers_is_what_the_rules_say(hooks: list[list[Rule]]) -> None:
    index = Index(SCHEME, [Hook(*rules) for rules in hooks])
    asked = itertools.product(OPERATIONS, (PODS, DEPLOYMENTS), ("", "status", "exec"), ("x", "y"))
    for operation, kind, subresource, name in [*asked] * 2:
        seen = Seen(AdmissionRequest(operation, kind, "default", name, subresource=subresource))
        found = [hook for hook, _ in index.of(seen)]
        expected = [
            hook
            for hook, rules in zip(index.hooks, hooks, strict=True)
            if any(
                rule_matches(rule, operation, one, subresource)
                and (not rule.resourceNames or name in rule.resourceNames)
                for rule in rules
                for one in equivalents(SCHEME, kind)
            )
        ]
        assert found == expected
