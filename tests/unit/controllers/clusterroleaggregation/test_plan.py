"""Which rules a ClusterRole takes in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.types.rbac_v1 import ClusterRole
from kubelite.controllers.clusterroleaggregation import plan
from kubelite.machinery import codec


def role(name: str, team: str, *verbs: str, teams: tuple[str, ...] | None = None) -> ClusterRole:
    selectors = [{"matchLabels": {"team": one}} for one in teams or ()]
    document = {
        "metadata": {"name": name, "labels": {"team": team}},
        "rules": [{"verbs": [verb], "apiGroups": [""], "resources": ["pods"]} for verb in verbs],
        **({"aggregationRule": {"clusterRoleSelectors": selectors}} if teams is not None else {}),
    }
    made: ClusterRole = codec.from_generic(document, ClusterRole)
    return made


def verbs(whole: ClusterRole, *others: ClusterRole) -> list[str]:
    return [rule.verbs[0] for rule in plan.rules(whole, others) or []]


def test_rules_come_by_selector_then_by_name_each_once_and_not_from_the_role_itself():
    whole = role("whole", "a", "own", teams=("b", "a"))
    others = (role("z", "a", "list", "get"), role("m", "a", "get"), role("y", "b", "watch"), role("x", "c", "fly"))
    assert verbs(whole, whole, *others) == ["watch", "get", "list"]


def test_a_role_that_does_not_aggregate_is_left_alone():
    assert plan.rules(role("plain", "a", "get"), [role("other", "a", "list")]) is None
    assert plan.rules(role("empty", "a", "get", teams=()), [role("other", "a", "list")]) == []


letters = st.sampled_from("abc")


@given(st.lists(st.tuples(letters, st.lists(letters, max_size=3)), max_size=5), st.randoms())
def test_the_order_of_the_roles_makes_no_difference_and_a_second_time_changes_nothing(made, random):
    others = [role(f"r{number}", team, *names) for number, (team, names) in enumerate(made)]
    whole = role("whole", "", teams=("a", "b"))
    first = plan.rules(whole, others)
    random.shuffle(others)
    whole.rules = first or []
    assert plan.rules(whole, [whole, *others]) == first
