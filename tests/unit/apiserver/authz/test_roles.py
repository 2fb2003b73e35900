"""Which requests roles and bindings allow."""

from __future__ import annotations

import pytest

from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.api.types.rbac_v1 import ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject
from kubelite.apiserver.authz import refuse
from kubelite.apiserver.authz.chain import Chain, Decision, RbacMode
from kubelite.apiserver.authz.escalation import check_binding, check_role
from kubelite.apiserver.authz.roles import RoleIndex
from kubelite.apiserver.request import Attributes, UserInfo
from kubelite.machinery.errors import StatusError

BOB = UserInfo("bob", groups=("devs", "system:authenticated"))
READER = [PolicyRule(verbs=["get", "list"], apiGroups=[""], resources=["pods", "pods/log"])]


def index_with(rules: list[PolicyRule], *subjects: Subject, namespace: str = "") -> RoleIndex:
    index = RoleIndex()
    index.set_role("", "reader", ClusterRole(metadata=ObjectMeta(name="reader"), rules=rules))
    binding = (RoleBinding if namespace else ClusterRoleBinding)(
        metadata=ObjectMeta(name="read"),
        roleRef=RoleRef(kind="ClusterRole", name="reader"),
        subjects=list(subjects) or [Subject(kind="User", name="bob")],
    )
    index.set_binding(namespace, "read", binding)
    return index


def ask(
    verb: str, resource: str, namespace: str = "default", name: str = "", subresource: str = "", group: str = ""
) -> Attributes:
    return Attributes(verb, namespace, group, "v1", resource, subresource, name)


@pytest.mark.parametrize(
    ("attributes", "allowed"),
    [
        pytest.param(ask("get", "pods", name="a"), True, id="named verb and resource"),
        pytest.param(ask("delete", "pods", name="a"), False, id="other verb"),
        pytest.param(ask("get", "secrets"), False, id="other resource"),
        pytest.param(ask("get", "pods", subresource="log"), True, id="subresource that is listed"),
        pytest.param(ask("get", "pods", subresource="exec"), False, id="subresource that is not listed"),
        pytest.param(ask("get", "pods", group="apps"), False, id="other group"),
        pytest.param(Attributes("get", is_resource=False, path="/healthz"), False, id="path without rule"),
    ],
)
def test_a_rule_allows_what_it_names_and_nothing_else(attributes: Attributes, allowed: bool) -> None:
    assert index_with(READER).allows(BOB, attributes) is allowed


def test_wildcards_cover_verbs_groups_resources_and_subresources() -> None:
    index = index_with([PolicyRule(verbs=["*"], apiGroups=["*"], resources=["*"])])
    assert index.allows(BOB, ask("patch", "deployments", group="apps", subresource="scale"))
    every_scale = index_with([PolicyRule(verbs=["update"], apiGroups=["*"], resources=["*/scale"])])
    assert every_scale.allows(BOB, ask("update", "deployments", group="apps", subresource="scale"))
    assert not every_scale.allows(BOB, ask("update", "deployments", group="apps"))


def test_resource_names_restrict_and_do_not_match_requests_without_a_name() -> None:
    index = index_with(
        [PolicyRule(verbs=["get", "list"], apiGroups=[""], resources=["secrets"], resourceNames=["a", "b"])]
    )
    assert index.allows(BOB, ask("get", "secrets", name="b"))
    assert not index.allows(BOB, ask("get", "secrets", name="c"))
    assert not index.allows(BOB, ask("list", "secrets"))


def test_url_rules_match_exactly_or_by_prefix() -> None:
    index = index_with([PolicyRule(verbs=["get"], nonResourceURLs=["/version", "/readyz/*"])])
    for path, allowed in (("/version", True), ("/version/x", False), ("/readyz/etcd", True), ("/metrics", False)):
        assert index.allows(BOB, Attributes("get", is_resource=False, path=path)) is allowed


def test_a_role_binding_counts_in_its_namespace_only() -> None:
    index = index_with(READER, namespace="team")
    assert index.allows(BOB, ask("get", "pods", "team"))
    assert not index.allows(BOB, ask("get", "pods", "default"))
    assert not index.allows(BOB, ask("list", "pods", ""))


def test_groups_and_service_accounts_are_subjects() -> None:
    by_group = index_with(READER, Subject(kind="Group", name="devs"))
    assert by_group.allows(BOB, ask("get", "pods"))
    account = UserInfo("system:serviceaccount:team:ci", groups=("system:serviceaccounts",))
    by_account = index_with(READER, Subject(kind="ServiceAccount", name="ci"), namespace="team")
    assert by_account.allows(account, ask("get", "pods", "team"))


def test_changes_of_roles_and_bindings_take_effect_at_once() -> None:
    index = index_with(READER)
    assert index.allows(BOB, ask("get", "pods"))
    index.set_role("", "reader", ClusterRole(rules=[]))
    assert not index.allows(BOB, ask("get", "pods"))
    index.set_role("", "reader", ClusterRole(rules=READER))
    index.set_binding("", "read", None)
    assert not index.allows(BOB, ask("get", "pods"))


def test_a_binding_to_a_missing_role_is_named_in_the_refusal() -> None:
    index = index_with(READER)
    index.set_role("", "reader", None)
    allowed, reason = Chain([RbacMode(index)], index).authorize(BOB, ask("get", "pods"))
    assert (allowed, reason) == (False, 'RBAC: clusterrole.rbac.authorization.k8s.io "reader" not found')


def test_a_review_names_the_binding_that_allows() -> None:
    index = index_with(READER)
    found = Chain([RbacMode(index)], index).review(BOB, ask("get", "pods"))
    assert found == Decision(True, 'RBAC: allowed by ClusterRoleBinding "read" of ClusterRole "reader" to User "bob"')


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        pytest.param(
            ask("list", "pods"),
            'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"',
            id="list in a namespace",
        ),
        pytest.param(
            ask("get", "deployments", "", "web", "scale", "apps"),
            'deployments.apps "web" is forbidden: User "bob" cannot get resource "deployments/scale" in API group "apps"'
            " at the cluster scope",
            id="named subresource at cluster scope",
        ),
        pytest.param(
            Attributes("get", is_resource=False, path="/metrics"),
            'forbidden: User "bob" cannot get path "/metrics"',
            id="path",
        ),
    ],
)
def test_refusals_read_as_upstream_words_them(attributes: Attributes, text: str) -> None:
    error = refuse(BOB, attributes)
    assert (error.code, error.reason, error.message) == (403, "Forbidden", text)


def chain_of(index: RoleIndex) -> Chain:
    return Chain([RbacMode(index)], index)


def test_nobody_writes_a_role_with_rights_beyond_their_own() -> None:
    index = index_with(READER)
    role = Role(
        metadata=ObjectMeta(name="more"),
        rules=[PolicyRule(verbs=["get", "delete"], apiGroups=[""], resources=["pods"])],
    )
    with pytest.raises(StatusError) as found:
        check_role(index, chain_of(index), BOB, role, "default", None)
    assert found.value.message == (
        'roles.rbac.authorization.k8s.io "more" is forbidden: user "bob" (groups=["devs" "system:authenticated"]) is attempting'
        ' to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}'
    )
    role.rules[0].verbs = ["get"]
    check_role(index, chain_of(index), BOB, role, "default", None)


def test_the_verbs_escalate_and_bind_lift_the_checks() -> None:
    group = "rbac.authorization.k8s.io"
    index = index_with(
        [
            PolicyRule(verbs=["escalate"], apiGroups=[group], resources=["roles"]),
            PolicyRule(verbs=["bind"], apiGroups=[group], resources=["clusterroles"], resourceNames=["admin"]),
        ]
    )
    index.set_role("", "admin", ClusterRole(rules=[PolicyRule(verbs=["*"], apiGroups=["*"], resources=["*"])]))
    role = Role(metadata=ObjectMeta(name="more"), rules=[PolicyRule(verbs=["*"], apiGroups=["*"], resources=["*"])])
    check_role(index, chain_of(index), BOB, role, "default", None)
    binding = RoleBinding(metadata=ObjectMeta(name="b"), roleRef=RoleRef(kind="ClusterRole", name="admin"))
    check_binding(index, chain_of(index), BOB, binding, "default", None)


def test_binding_a_role_needs_its_rights() -> None:
    index = index_with(READER)
    index.set_role("", "admin", ClusterRole(rules=[PolicyRule(verbs=["*"], apiGroups=["*"], resources=["*"])]))
    binding = RoleBinding(metadata=ObjectMeta(name="b"), roleRef=RoleRef(kind="ClusterRole", name="admin"))
    with pytest.raises(StatusError) as found:
        check_binding(index, chain_of(index), BOB, binding, "default", None)
    assert found.value.code == 403
    binding.roleRef = RoleRef(kind="ClusterRole", name="reader")
    check_binding(index, chain_of(index), BOB, binding, "default", None)
