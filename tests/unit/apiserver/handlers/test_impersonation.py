"""Who may act as whom, and as whom they then act."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from kubelite.apiserver.authz import refuse
from kubelite.apiserver.handlers import impersonation
from kubelite.apiserver.request import Attributes, Request, UserInfo
from kubelite.machinery.errors import StatusError

BOB = UserInfo("bob", groups=("system:authenticated",))
GET_PODS = Attributes("get", "default", "", "v1", "pods", "", "web")


class Granted:
    """Allows what is listed: (verb, group, resource, namespace, name)."""

    def __init__(self, *granted: tuple[str, ...]) -> None:
        self._granted: Iterable[tuple[str, ...]] = granted

    def authorize(self, user: UserInfo, attributes: Attributes) -> tuple[bool, str]:
        a = attributes
        return (a.verb, a.group, a.resource, a.namespace, a.name) in self._granted, ""


def act(headers: dict[str, str], *granted: tuple[str, ...], user: UserInfo = BOB) -> UserInfo:
    request = Request("GET", "/api", headers=headers)
    found = impersonation.apply(request, user, Granted(*granted), refuse, lambda: GET_PODS)
    assert isinstance(found, UserInfo)
    return found


AUTHENTICATION = "authentication.k8s.io"
ANN = ("impersonate", "", "users", "", "ann")


def test_the_plain_verb_allows_every_part_of_the_identity() -> None:
    headers = {"impersonate-user": "ann", "impersonate-group": "a,b\nc", "impersonate-uid": "7"}
    headers["impersonate-extra-acme.io%2fteam"] = "x"
    granted = (
        ANN,
        ("impersonate", "", "groups", "", "a,b"),
        ("impersonate", "", "groups", "", "c"),
        ("impersonate", AUTHENTICATION, "uids", "", "7"),
        ("impersonate", AUTHENTICATION, "userextras", "", "x"),
    )
    found = act(headers, *granted)
    assert found == UserInfo("ann", "7", ("a,b", "c", "system:authenticated"), {"acme.io/team": ("x",)})
    for missing in granted:
        with pytest.raises(StatusError) as refused:
            act(headers, *(one for one in granted if one != missing))
        assert refused.value.code == 403


def test_a_service_account_gets_its_groups() -> None:
    granted = ("impersonate", "", "serviceaccounts", "apps", "web")
    found = act({"impersonate-user": "system:serviceaccount:apps:web"}, granted)
    assert found.groups == ("system:serviceaccounts", "system:serviceaccounts:apps", "system:authenticated")


def test_constrained_impersonation_needs_the_identity_and_the_action() -> None:
    on = ("impersonate-on:user-info:get", "", "pods", "default", "web")
    identity = ("impersonate:user-info", AUTHENTICATION, "users", "", "ann")
    headers = {"impersonate-user": "ann"}
    assert act(headers, on, identity).name == "ann"
    with pytest.raises(StatusError) as refused:
        act(headers, identity)
    assert refused.value.message == (
        'pods "web" is forbidden: User "bob" cannot impersonate-on:user-info:get resource "pods" in API group "" in the'
        ' namespace "default"'
    )
    with pytest.raises(StatusError) as refused:
        act(headers, on)
    assert refused.value.message == (
        'users.authentication.k8s.io "ann" is forbidden: User "bob" cannot impersonate:user-info resource "users" in API'
        ' group "authentication.k8s.io" at the cluster scope'
    )


def test_a_node_is_impersonated_by_its_own_agent_or_by_who_may_be_any_node() -> None:
    headers = {"impersonate-user": "system:node:n1"}
    extra = {"authentication.kubernetes.io/node-name": ("n1",)}
    agent = UserInfo("system:serviceaccount:kube-system:agent", extra=extra)
    own = (
        ("impersonate-on:associated-node:get", "", "pods", "default", "web"),
        ("impersonate:associated-node", AUTHENTICATION, "nodes", "", "*"),
    )
    assert act(headers, *own, user=agent).groups == ("system:nodes", "system:authenticated")
    with pytest.raises(StatusError):
        act({"impersonate-user": "system:node:n2"}, *own, user=agent)
    every = (
        ("impersonate-on:arbitrary-node:get", "", "pods", "default", "web"),
        ("impersonate:arbitrary-node", AUTHENTICATION, "nodes", "", "n2"),
    )
    assert act({"impersonate-user": "system:node:n2"}, *every).name == "system:node:n2"
    with pytest.raises(StatusError):
        act({**headers, "impersonate-group": "system:masters"}, *every, *own)


def test_an_identity_without_a_user_is_a_bad_request() -> None:
    with pytest.raises(StatusError) as refused:
        act({"impersonate-uid": "7"})
    assert refused.value.code == 400
