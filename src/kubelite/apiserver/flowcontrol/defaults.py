"""The FlowSchemas and PriorityLevelConfigurations that every cluster has.

What: values as data; `MANDATORY_*` are always what this page says, `SUGGESTED_*` may be changed or deleted by an
administrator who sets the annotation `apf.kubernetes.io/autoupdate-spec` to "false". Why: a cluster must be able to serve its
own components under load before anybody has configured anything. Flow: `maintain` writes them, `controller` uses them where
the store has none. Source: apiserver/pkg/apis/flowcontrol/bootstrap/default.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubelite.api.types.flowcontrol_v1 import (
    ExemptPriorityLevelConfiguration,
    FlowDistinguisherMethod,
    FlowSchema,
    FlowSchemaSpec,
    GroupSubject,
    LimitedPriorityLevelConfiguration,
    LimitResponse,
    NonResourcePolicyRule,
    PolicyRulesWithSubjects,
    PriorityLevelConfiguration,
    PriorityLevelConfigurationReference,
    PriorityLevelConfigurationSpec,
    QueuingConfiguration,
    ResourcePolicyRule,
    ServiceAccountSubject,
    Subject,
    UserSubject,
)
from kubelite.api.types.meta_v1 import ObjectMeta

EXEMPT, CATCH_ALL = "exempt", "catch-all"
BY_USER, BY_NAMESPACE = "ByUser", "ByNamespace"
MANAGER, SCHEDULER = "system:kube-controller-manager", "system:kube-scheduler"
EVERYBODY = ("system:unauthenticated", "system:authenticated")
ALL_RESOURCES = [
    ResourcePolicyRule(apiGroups=["*"], clusterScope=True, namespaces=["*"], resources=["*"], verbs=["*"]),
]
ALL_PATHS = [NonResourcePolicyRule(nonResourceURLs=["*"], verbs=["*"])]


def _groups(*names: str) -> list[Subject]:
    return [Subject(kind="Group", group=GroupSubject(name=name)) for name in names]


def _users(*names: str) -> list[Subject]:
    return [Subject(kind="User", user=UserSubject(name=name)) for name in names]


def _accounts(*names: str) -> list[Subject]:
    return [
        Subject(kind="ServiceAccount", serviceAccount=ServiceAccountSubject(name=name, namespace="kube-system"))
        for name in names
    ]


def _rule(group: str, resources: Iterable[str], verbs: Iterable[str], *, cluster: bool = False) -> ResourcePolicyRule:
    return ResourcePolicyRule(
        apiGroups=[group],
        clusterScope=cluster or None,
        namespaces=["*"],
        resources=list(resources),
        verbs=list(verbs),
    )


def _schema(
    name: str,
    level: str,
    precedence: int,
    distinguisher: str,
    subjects: list[Subject],
    resources: Sequence[ResourcePolicyRule] = ALL_RESOURCES,
    paths: Sequence[NonResourcePolicyRule] = ALL_PATHS,
) -> FlowSchema:
    return FlowSchema(
        metadata=ObjectMeta(name=name),
        spec=FlowSchemaSpec(
            distinguisherMethod=FlowDistinguisherMethod(type=distinguisher) if distinguisher else None,
            matchingPrecedence=precedence,
            priorityLevelConfiguration=PriorityLevelConfigurationReference(name=level),
            rules=[
                PolicyRulesWithSubjects(nonResourceRules=list(paths), resourceRules=list(resources), subjects=subjects)
            ],
        ),
    )


def _level(name: str, shares: int, lendable: int, queues: int = 0, hand: int = 0) -> PriorityLevelConfiguration:
    """`queues` 0: what finds no seat is rejected."""
    queuing = QueuingConfiguration(handSize=hand, queueLengthLimit=50, queues=queues) if queues else None
    return PriorityLevelConfiguration(
        metadata=ObjectMeta(name=name),
        spec=PriorityLevelConfigurationSpec(
            type="Limited",
            limited=LimitedPriorityLevelConfiguration(
                lendablePercent=lendable,
                nominalConcurrencyShares=shares,
                limitResponse=LimitResponse(type="Queue" if queues else "Reject", queuing=queuing),
            ),
        ),
    )


MANDATORY_LEVELS = (
    PriorityLevelConfiguration(
        metadata=ObjectMeta(name=EXEMPT),
        spec=PriorityLevelConfigurationSpec(
            type="Exempt", exempt=ExemptPriorityLevelConfiguration(lendablePercent=0, nominalConcurrencyShares=0)
        ),
    ),
    _level(CATCH_ALL, 5, 0),
)
SUGGESTED_LEVELS = (
    _level("system", 30, 33, 64, 6),
    _level("node-high", 40, 25, 64, 6),
    _level("leader-election", 10, 0, 16, 4),
    _level("workload-high", 40, 50, 128, 6),
    _level("workload-low", 100, 90, 128, 6),
    _level("global-default", 20, 50, 128, 6),
)

_RENEW = ("get", "create", "update")
_LEASES = _rule("coordination.k8s.io", ["leases"], _RENEW)
_NODE_RULES = [
    _rule("", ["nodes", "nodes/status"], ["*"], cluster=True),
    _rule("coordination.k8s.io", ["leases"], ["*"]),
]
_PROBES = [NonResourcePolicyRule(nonResourceURLs=["/healthz", "/readyz", "/livez"], verbs=["get"])]

MANDATORY_SCHEMAS = (
    _schema(EXEMPT, EXEMPT, 1, "", _groups("system:masters")),
    _schema(CATCH_ALL, CATCH_ALL, 10000, BY_USER, _groups(*EVERYBODY)),
)
SUGGESTED_SCHEMAS = (
    _schema("system-nodes", "system", 500, BY_USER, _groups("system:nodes")),
    _schema("system-node-high", "node-high", 400, BY_USER, _groups("system:nodes"), _NODE_RULES, ()),
    _schema("probes", EXEMPT, 2, "", _groups(*EVERYBODY), (), _PROBES),
    _schema(
        "system-leader-election",
        "leader-election",
        100,
        BY_USER,
        [*_users(MANAGER, SCHEDULER), *_accounts("*")],
        [_LEASES],
        (),
    ),
    _schema(
        "endpoint-controller",
        "workload-high",
        150,
        BY_USER,
        [*_users(MANAGER), *_accounts("endpoint-controller", "endpointslicemirroring-controller")],
        [_rule("", ["endpoints"], _RENEW)],
        (),
    ),
    _schema(
        "workload-leader-election",
        "leader-election",
        200,
        BY_USER,
        _accounts("*"),
        [_rule("", ["endpoints", "configmaps"], _RENEW), _LEASES],
        (),
    ),
    _schema("kube-controller-manager", "workload-high", 800, BY_NAMESPACE, _users(MANAGER)),
    _schema("kube-scheduler", "workload-high", 800, BY_NAMESPACE, _users(SCHEDULER)),
    _schema("kube-system-service-accounts", "workload-high", 900, BY_NAMESPACE, _accounts("*")),
    _schema("service-accounts", "workload-low", 9000, BY_USER, _groups("system:serviceaccounts")),
    _schema("global-default", "global-default", 9900, BY_USER, _groups(*EVERYBODY)),
)
