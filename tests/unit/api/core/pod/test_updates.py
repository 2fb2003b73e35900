"""What may change in a pod that exists."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.core.pod.kind import POD
from kubelite.api.core.pod.prepare import prepare_resize
from kubelite.api.core.pod.validation.resize import validate_resize
from kubelite.api.core.pod.validation.updates import validate_ephemeral_update
from tests.unit.api.objects import LABEL, decoded, pod_wire, raw_pod, texts


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return texts(POD.validate_update(decoded(POD, new), decoded(POD, old)))


TOLERATION = {"key": "a", "operator": "Exists", "effect": "NoExecute"}
ALLOWED: list[Any] = [
    pytest.param(pod_wire(), pod_wire(), id="nothing"),
    pytest.param(pod_wire(), pod_wire({"image": "web:2"}), id="image"),
    pytest.param(pod_wire(), pod_wire(activeDeadlineSeconds=5), id="deadline-set"),
    pytest.param(pod_wire(activeDeadlineSeconds=9), pod_wire(activeDeadlineSeconds=5), id="deadline-shortened"),
    pytest.param(pod_wire(), pod_wire(tolerations=[TOLERATION]), id="toleration-added"),
    pytest.param(
        pod_wire(tolerations=[TOLERATION]),
        pod_wire(tolerations=[{**TOLERATION, "tolerationSeconds": 4}]),
        id="toleration-seconds",
    ),
    pytest.param(pod_wire(schedulingGates=[{"name": "a"}]), pod_wire(), id="gate-opened"),
    pytest.param(
        pod_wire(schedulingGates=[{"name": "a"}]),
        pod_wire(schedulingGates=[{"name": "a"}], nodeSelector={"zone": "1"}),
        id="gated-node-selector",
    ),
    pytest.param(
        pod_wire(terminationGracePeriodSeconds=-1),
        pod_wire(terminationGracePeriodSeconds=1),
        id="negative-grace-corrected",
    ),
]


@pytest.mark.parametrize(("old", "new"), ALLOWED)
def test_allowed(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert changes(old, new) == []


FORBIDDEN: list[Any] = [
    pytest.param(
        pod_wire(),
        pod_wire({"command": ["x"]}),
        "spec: Forbidden: pod updates may not change fields other than",
        id="command",
    ),
    pytest.param(
        pod_wire(),
        pod_wire(hostname="x"),
        "spec: Forbidden: pod updates may not change fields other than",
        id="hostname",
    ),
    pytest.param(
        pod_wire(),
        {**pod_wire(), "spec": {"containers": [{"name": "c", "image": "web:1"}, {"name": "d", "image": "i"}]}},
        "spec.containers: Forbidden: pod updates may not add or remove containers",
        id="container-added",
    ),
    pytest.param(
        pod_wire(activeDeadlineSeconds=5),
        pod_wire(activeDeadlineSeconds=9),
        "spec.activeDeadlineSeconds: Invalid value: 9: must be less than or equal to previous value",
        id="deadline-extended",
    ),
    pytest.param(
        pod_wire(activeDeadlineSeconds=5),
        pod_wire(),
        "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value",
        id="deadline-removed",
    ),
    pytest.param(
        pod_wire(tolerations=[TOLERATION]),
        pod_wire(),
        "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
        id="toleration-removed",
    ),
    pytest.param(
        pod_wire(),
        pod_wire(schedulingGates=[{"name": "a"}]),
        "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'a'",
        id="gate-added",
    ),
    pytest.param(
        pod_wire(schedulingGates=[{"name": "a"}], nodeSelector={"zone": "1"}),
        pod_wire(schedulingGates=[{"name": "a"}], nodeSelector={"zone": "2"}),
        'spec.nodeSelector: Invalid value: {"zone":"2"}: '
        "only additions to spec.nodeSelector are allowed (no mutations or deletions)",
        id="gated-node-selector-changed",
    ),
    pytest.param(
        pod_wire(),
        pod_wire(metadata={"annotations": {"kubernetes.io/config.mirror": "x"}}),
        "metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod annotation",
        id="mirror-added",
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), FORBIDDEN)
def test_forbidden(old: dict[str, Any], new: dict[str, Any], expected: str) -> None:
    found = changes(old, new)
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_the_refusal_names_what_may_change_and_what_did() -> None:
    assert changes(pod_wire(), pod_wire(hostname="x")) == [
        "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
        "`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
        '- spec.hostname: ""\n+ spec.hostname: "x"\n'
    ]


def status_changes(old: dict[str, Any], new: dict[str, Any], **spec: Any) -> list[str]:
    before, after = raw_pod({**pod_wire(**spec), "status": old}), raw_pod({**pod_wire(**spec), "status": new})
    return texts(POD.validate_status_update(after, before))


ENDED = {"name": "c", "state": {"terminated": {"exitCode": 0}}}
FAILED = {"name": "c", "state": {"terminated": {"exitCode": 1}}}
RUNNING = {"name": "c", "state": {"running": {}}}


@pytest.mark.parametrize(
    ("policy", "old", "expected"),
    [
        ("Always", ENDED, 0),
        ("OnFailure", FAILED, 0),
        ("OnFailure", ENDED, 1),
        ("Never", FAILED, 1),
    ],
)
def test_a_container_that_ended_for_good_stays_ended(policy: str, old: dict[str, Any], expected: int) -> None:
    found = status_changes({"containerStatuses": [old]}, {"containerStatuses": [RUNNING]}, restartPolicy=policy)
    words = "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"
    assert found == [words] * expected


@pytest.mark.parametrize("name", ["containerStatuses", "initContainerStatuses"])
def test_no_container_has_ended_for_good_where_one_may_restart_all(name: str) -> None:
    rule = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}
    source = {"name": "s", "image": "web:1", "restartPolicy": "Never", "restartPolicyRules": [rule]}
    both = [{"name": "c", "image": "web:1"}, source]
    assert status_changes({name: [ENDED]}, {name: [RUNNING]}, restartPolicy="Never", containers=both) == []
    debug = {"ephemeralContainerStatuses": [ENDED]}
    now = {"ephemeralContainerStatuses": [RUNNING]}
    assert len(status_changes(debug, now, restartPolicy="Never", containers=both)) == 1


STATUS: list[Any] = [
    pytest.param(
        {"podIPs": [{"ip": "x"}]},
        'status.podIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        id="bad-ip",
    ),
    pytest.param(
        {"podIPs": [{"ip": "1.1.1.1"}, {"ip": "2.2.2.2"}]},
        'status.podIPs: Invalid value: [{"ip":"1.1.1.1"},{"ip":"2.2.2.2"}]: '
        "may specify no more than one IP for each IP family",
        id="two-of-a-family",
    ),
    pytest.param(
        {"hostIP": "1.1.1.1", "hostIPs": [{"ip": "2.2.2.2"}]},
        'status.hostIPs[0].ip: Invalid value: "2.2.2.2": must be equal to `hostIP`',
        id="host-ip",
    ),
    pytest.param(
        {"qosClass": "Guaranteed"}, 'status.qosClass: Invalid value: "Guaranteed": field is immutable', id="qos"
    ),
]


@pytest.mark.parametrize(("new", "expected"), STATUS)
def test_refused_status(new: dict[str, Any], expected: str) -> None:
    assert status_changes({"qosClass": "BestEffort"}, {"qosClass": "BestEffort", **new}) == [expected]


def test_ephemeral_containers_are_only_added() -> None:
    one, two = {"name": "e", "image": "i"}, {"name": "f", "image": "i"}
    old = decoded(POD, pod_wire(ephemeralContainers=[one]))
    assert validate_ephemeral_update(decoded(POD, pod_wire(ephemeralContainers=[one, two])), old) == []
    removed = texts(validate_ephemeral_update(decoded(POD, pod_wire(ephemeralContainers=[two])), old))
    assert removed == ['spec.ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be removed\n']
    changed = decoded(POD, pod_wire(ephemeralContainers=[{**one, "image": "j"}]))
    assert "may not be changed" in texts(validate_ephemeral_update(changed, old))[0]


def resized(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    before, after = (decoded(POD, pod_wire({"resources": r})) for r in (old, new))
    prepare_resize(after, before)
    return texts(validate_resize(after, before))


RESIZES: list[Any] = [
    pytest.param({"requests": {"cpu": "1"}}, {"requests": {"cpu": "2"}}, [], id="cpu"),
    pytest.param(
        {"requests": {"cpu": "1", "memory": "1Gi"}},
        {"requests": {"cpu": "1"}},
        ["spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"],
        id="removed",
    ),
    pytest.param(
        {"requests": {"cpu": "1"}},
        {"requests": {"cpu": "1", "ephemeral-storage": "1"}},
        ["spec: Forbidden: only cpu and memory resources are mutable"],
        id="storage",
    ),
    pytest.param(
        {"limits": {"cpu": "1", "memory": "1Gi"}},
        {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}},
        ['spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing'],
        id="qos",
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), RESIZES)
def test_resize(old: dict[str, Any], new: dict[str, Any], expected: list[str]) -> None:
    assert resized(old, new) == expected


GPU = {"resources": {"requests": {"example.com/gpu": "1"}, "limits": {"example.com/gpu": "1"}}}
MAPPING = {"containerName": "web", "resourceName": "example.com/gpu", "requestName": "container-0-request-0"}
TOLD = "status.extendedResourceClaimStatus"
FIRST = f"{TOLD}.requestMappings[0]"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"resourceClaimName": "c", "requestMappings": [MAPPING]}, []),
        (
            {"resourceClaimName": "c"},
            [f"{TOLD}.requestMappings: Required value: at least one request mapping is required"],
        ),
        ({"requestMappings": [MAPPING]}, [f"{TOLD}.resourceClaimName: Required value"]),
        (
            {"resourceClaimName": "c", "requestMappings": [{**MAPPING, "containerName": "x"}]},
            [
                f'{FIRST}.containerName: Invalid value: "x": must match the name of an entry in '
                "spec.initContainers.name or spec.containers.name"
            ],
        ),
        (
            {"resourceClaimName": "c", "requestMappings": [{**MAPPING, "resourceName": "example.com/x"}]},
            [
                f'{FIRST}.resourceName: Invalid value: "example.com/x": must match the extended resource name of an entry in '
                "spec.initContainers.resources.requests or spec.containers.resources.requests"
            ],
        ),
        (
            {"resourceClaimName": "c", "requestMappings": [{**MAPPING, "requestName": "A"}]},
            [f'{TOLD}.requestName: Invalid value: "A": {LABEL}'],
        ),
        (
            {"resourceClaimName": "c", "requestMappings": [MAPPING, MAPPING]},
            [
                f'{TOLD}.requestMappings[1].{name}: Duplicate value: "{MAPPING[name]}"'
                for name in ("containerName", "resourceName", "requestName")
            ],
        ),
    ],
)
def test_what_a_status_says_of_a_claim_for_extended_resources(told: dict[str, Any], expected: list[str]) -> None:
    spec = {"containers": [{"name": "web", "image": "web:1", **GPU}]}
    assert status_changes({}, {"extendedResourceClaimStatus": told}, **spec) == expected


def test_a_claim_is_told_of_once_and_by_a_name_that_claims_have() -> None:
    told = [{"name": "a", "resourceClaimName": "c"}, {"name": "a", "resourceClaimName": "C d"}, {"name": "b"}]
    spec = {"resourceClaims": [{"name": "a", "resourceClaimTemplateName": "t"}]}
    found = [line.partition(": a lower")[0] for line in status_changes({}, {"resourceClaimStatuses": told}, **spec)]
    assert found == [
        'status.resourceClaimStatuses[1].name: Duplicate value: "a"',
        'status.resourceClaimStatuses[1].resourceClaimName: Invalid value: "C d"',
        'status.resourceClaimStatuses[2].name: Invalid value: "b": must match the name of an entry in `spec.resourceClaims`',
    ]
