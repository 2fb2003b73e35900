"""Audit policies: which rule decides, and what is refused."""

from __future__ import annotations

import pytest

from kubelite.apiserver.audit.policy import LEVELS, PolicyError, load
from kubelite.apiserver.request import RequestInfo, UserInfo

HEAD = "apiVersion: audit.k8s.io/v1\nkind: Policy\n"
POLICY = load(
    HEAD
    + """
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- {level: None, users: [system:kube-proxy], verbs: [watch], resources: [{group: "", resources: [endpoints, services]}]}
- {level: None, userGroups: [system:authenticated], nonResourceURLs: ["/api*", /version]}
- {level: Request, resources: [{group: "", resources: [configmaps]}], namespaces: [kube-system]}
- {level: Metadata, resources: [{group: "", resources: [secrets, pods/log, "*/status"]}], omitStages: [ResponseStarted]}
- {level: RequestResponse, resources: [{group: "", resources: [pods], resourceNames: [special]}], omitManagedFields: false}
- {level: Request, resources: [{group: apps}]}
- {level: Metadata, resources: [{group: example.com, resources: ["*"]}]}
"""
)
JANE = UserInfo("jane", groups=("system:authenticated",))


def info(
    verb: str, plural: str, *, group: str = "", namespace: str = "a", sub: str = "", name: str = ""
) -> RequestInfo:
    return RequestInfo("/", verb, True, group, "v1", plural, sub, namespace, name)


@pytest.mark.parametrize(
    ("user", "request_info", "level"),
    [
        (UserInfo("system:kube-proxy"), info("watch", "services"), "None"),
        (JANE, RequestInfo("/apis", "get"), "None"),
        (JANE, RequestInfo("/healthz", "get"), "None"),
        (JANE, info("get", "configmaps", namespace="kube-system"), "Request"),
        (JANE, info("get", "configmaps"), "None"),
        (JANE, info("get", "secrets"), "Metadata"),
        (JANE, info("get", "pods", sub="log"), "Metadata"),
        (JANE, info("patch", "nodes", sub="status"), "Metadata"),
        (JANE, info("get", "pods", name="special"), "RequestResponse"),
        (JANE, info("get", "pods", name="other"), "None"),
        (JANE, info("create", "deployments", group="apps"), "Request"),
        (JANE, info("create", "things", group="example.com", sub="status"), "Metadata"),
        (None, info("get", "secrets"), "Metadata"),
    ],
)
def test_the_first_rule_that_matches_decides(user: UserInfo | None, request_info: RequestInfo, level: str) -> None:
    assert LEVELS[POLICY.decide(user, request_info).level] == level


def test_omissions_of_rule_and_policy_add_up() -> None:
    found = POLICY.decide(JANE, info("get", "secrets"))
    assert found.omit_stages == {"RequestReceived", "ResponseStarted"}
    assert found.omit_managed_fields
    assert not POLICY.decide(JANE, info("get", "pods", name="special")).omit_managed_fields


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Policy\napiVersion: audit.k8s.io/v1beta1\nrules: [{level: None}]", "unknown group version kind"),
        (HEAD, "0 rules"),
        (f"{HEAD}rules: [{{level: All}}]", 'Unsupported value: "All"'),
        (f"{HEAD}rules: [{{}}]", "level: Required value"),
        (f"{HEAD}rules: [{{level: None, stages: [Panic]}}]", "stages"),
        (f"{HEAD}rules: [{{level: None, omitStages: [Begin]}}]", 'Invalid value: "Begin"'),
        (f"{HEAD}rules: [{{level: None, nonResourceURLs: [/a*b]}}]", "only at the end"),
        (f"{HEAD}rules: [{{level: None, nonResourceURLs: [/a], namespaces: [b]}}]", "both regular resources and non"),
        (f"{HEAD}rules: [", "failed decoding"),
    ],
)
def test_mistakes_are_named(text: str, words: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load(text)
    assert words in str(refused.value)
