"""What holds for every plan: carried out, it leaves nothing to do, and the order of what it is shown does not matter.

The controllers whose decision has a folder of tests with such a property of its own are not repeated here.
"""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.types import core_v1 as core
from kubelite.api.types.batch_v1 import Job
from kubelite.api.types.certificates_v1 import CertificateSigningRequest, CertificateSigningRequestCondition
from kubelite.controllers import bootstraptokens, finalizers
from kubelite.controllers.bootstrapsigner.plan import data as signed
from kubelite.controllers.cloud.provider import Instance
from kubelite.controllers.cloudnode.plan import address_patch, node_patch
from kubelite.controllers.csrapproving.plan import is_open
from kubelite.controllers.csrcleaner.plan import seconds_left as request_left
from kubelite.controllers.csrsigning.plan import Fail, Leave
from kubelite.controllers.csrsigning.plan import plan as sign
from kubelite.controllers.endpoints.plan import wanted as endpoints_of
from kubelite.controllers.garbagecollector import plan as garbage
from kubelite.controllers.namespace.plan import remaining_finalizers
from kubelite.controllers.nodelifecycle.plan import unknown_conditions, wanted_taints
from kubelite.controllers.objects import Node
from kubelite.controllers.podgc.plan import KEEP, surplus, verdict
from kubelite.controllers.pvcprotection.plan import is_used
from kubelite.controllers.rootca.plan import wanted as root_ca
from kubelite.controllers.serviceaccounttoken.plan import encoded, missing
from kubelite.controllers.servicelb.plan import FINALIZER, ingress_of, needs_cleanup, patch, same, wants
from kubelite.controllers.tainteviction.plan import first_seen
from kubelite.controllers.tainteviction.plan import plan as evictions
from kubelite.controllers.ttlafterfinished.plan import seconds_left as job_left
from kubelite.controllers.vacprotection.plan import is_used as class_is_used
from kubelite.controllers.volumeexpand.plan import is_larger
from tests.unit.controllers import build
from tests.unit.controllers.endpointslice.test_plan import READY, service

NOW = datetime(2030, 1, 2, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
STATES = st.sampled_from(["True", "False", "Unknown"])
CHANCE = st.randoms(use_true_random=False)
KEYS = st.sampled_from(["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "example.com/gpu"])
EFFECTS = st.sampled_from(["NoSchedule", "NoExecute", "PreferNoSchedule"])
TAINTS = st.lists(st.builds(lambda key, effect: core.Taint(key=key, effect=effect), KEYS, EFFECTS), unique_by=str)


@given(STATES, STATES, STATES, TAINTS, st.booleans(), st.booleans())
def test_node_lifecycle_taints(
    ready: str, disk: str, network: str, taints: list[core.Taint], cordoned: bool, may_evict: bool
) -> None:
    one = build.node(ready=ready, taints=taints, DiskPressure=disk, NetworkUnavailable=network)
    one.spec.unschedulable = cordoned
    found = wanted_taints(one, NOW, may_evict=may_evict)
    one.spec.taints = taints if found is None else found
    assert wanted_taints(one, LATER, may_evict=may_evict) is None
    assert len({(taint.key, taint.effect) for taint in one.spec.taints}) == len(one.spec.taints)
    foreign = [taint for taint in taints if taint.key == "example.com/gpu"]
    assert [taint for taint in one.spec.taints if taint.key == "example.com/gpu"] == foreign


@given(st.dictionaries(st.sampled_from(["MemoryPressure", "DiskPressure", "PIDPressure", "Other"]), STATES), STATES)
def test_node_lifecycle_conditions(conditions: dict[str, str], ready: str) -> None:
    one = build.node(ready=ready, **conditions)
    changed = unknown_conditions(one, NOW)
    kept = [old for old in one.status.conditions if old.type not in {new.type for new in changed}]
    one.status.conditions = [*kept, *changed]
    assert unknown_conditions(one, LATER) == []


def _eviction_pods(seconds: list[int | None]) -> list[Any]:
    """A pod for each time that it tolerates the taint; None is for ever."""
    return [
        build.pod(f"p{n}", tolerations=[core.Toleration(operator="Exists", tolerationSeconds=time)])
        for n, time in enumerate(seconds)
    ]


@given(st.lists(st.none() | st.integers(-5, 600), max_size=8), st.integers(0, 600), CHANCE)
def test_taint_eviction(seconds: list[int | None], age: int, chance: random.Random) -> None:
    taint = core.Taint(key="x", effect="NoExecute", timeAdded=(NOW - timedelta(seconds=age)).strftime("%FT%TZ"))
    seen = first_seen([taint], {}, NOW)
    pods = _eviction_pods(seconds)
    found = evictions([taint], pods, NOW, seen)
    assert {pod.metadata.name for pod in found.evict} == {
        f"p{n}" for n, time in enumerate(seconds) if time is not None and max(time, 0) <= age
    }
    left = [pod for pod in pods if pod not in found.evict]
    again = evictions([taint], left, NOW, seen)
    assert (again.evict, again.wait) == ((), found.wait)
    if found.wait:
        assert evictions([taint], left, NOW + timedelta(seconds=found.wait), seen).evict
    chance.shuffle(pods)
    other = evictions([taint], pods, NOW, seen)
    assert (set(map(id, other.evict)), other.wait) == (set(map(id, found.evict)), found.wait)


PHASES = st.sampled_from(["Running", "Succeeded", "Failed", "Pending"])


@given(st.lists(st.tuples(PHASES, st.integers(1, 9), st.booleans()), max_size=12), st.integers(0, 8), CHANCE)
def test_pod_garbage_collection(given_: list[tuple[str, int, bool]], threshold: int, chance: random.Random) -> None:
    pods = [
        build.pod(f"p{n}", phase=phase, created=f"2030-01-0{day}T00:00:00Z", deleting=deleting)
        for n, (phase, day, deleting) in enumerate(given_)
    ]
    gone = surplus(pods, threshold)
    left = [pod for pod in pods if pod not in gone]
    assert surplus(left, threshold) == []
    chance.shuffle(pods)
    assert surplus(pods, threshold) == gone
    for pod in left:
        assert verdict(pod, build.node()) == KEEP


OWNER_STATES = st.sampled_from([garbage.SOLID, garbage.ABSENT, garbage.WAITING])
FINALIZERS = st.lists(st.sampled_from([garbage.ORPHAN_FINALIZER, garbage.FOREGROUND_FINALIZER, "x"]), unique=True)


@given(FINALIZERS, st.dictionaries(st.sampled_from("abcd"), OWNER_STATES), st.booleans(), CHANCE)
def test_garbage_collection(
    names: list[str], owners: dict[str, str], has_dependents: bool, chance: random.Random
) -> None:
    found = garbage.plan(names, owners, has_dependents)
    solid = {uid for uid, state in owners.items() if state == garbage.SOLID}
    assert isinstance(found, garbage.Delete) == (bool(owners) and not solid)
    if isinstance(found, garbage.DropReferences):
        left = {uid: state for uid, state in owners.items() if uid not in found.uids}
        assert set(left) == solid
        assert garbage.plan(names, left, has_dependents) == garbage.Keep()
    mixed = list(owners)
    chance.shuffle(mixed)
    assert garbage.plan(names, {uid: owners[uid] for uid in mixed}, has_dependents) == found


def _bootstrap_token(name: str, expired: bool) -> core.Secret:
    made = core.Secret(type="bootstrap.kubernetes.io/token")
    made.metadata.name, made.metadata.namespace = f"bootstrap-token-{name}", "kube-system"
    values = {
        "token-id": name,
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-signing": "true",
        "expiration": "2020-01-01T00:00:00Z" if expired else "2040-01-01T00:00:00Z",
    }
    made.data = {key: encoded(value) for key, value in values.items()}
    return made


@given(
    st.dictionaries(st.sampled_from(["aaaaaa", "bbbbbb", "cccccc"]), st.booleans()),
    st.dictionaries(st.sampled_from(["kubeconfig", "jws-kubeconfig-dddddd", "other"]), st.just("x")),
    CHANCE,
)
def test_bootstrap_signer(tokens: dict[str, bool], present: dict[str, str], chance: random.Random) -> None:
    secrets = [_bootstrap_token(name, expired) for name, expired in tokens.items()]
    found = signed(present, secrets, NOW)
    assert signed(found, secrets, NOW) == found
    chance.shuffle(secrets)
    assert signed(present, secrets, NOW) == found
    if "kubeconfig" in present:
        signatures = {key.removeprefix("jws-kubeconfig-") for key in found if key.startswith("jws-")}
        assert signatures == {name for name, expired in tokens.items() if not expired}


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=8, unique_by=lambda one: one[0]), CHANCE)
def test_endpoints(given_: list[tuple[int, bool]], chance: random.Random) -> None:
    pods = [build.pod(f"p{n}", ip=f"10.0.0.{n + 1}", ready_since=READY if ready else "") for n, ready in given_]
    made = endpoints_of(service(), pods, None)
    assert made is not None
    found = {(a.ip, ready) for s in made.subsets for ready in (True, False) for a in _addresses(s, ready)}
    assert found == {(f"10.0.0.{n + 1}", ready) for n, ready in given_}
    chance.shuffle(pods)
    assert endpoints_of(service(), pods, made) is None


def _addresses(subset: core.EndpointSubset, ready: bool) -> list[core.EndpointAddress]:
    return subset.addresses if ready else subset.notReadyAddresses


@given(st.lists(st.sampled_from(["mine", "other"]), unique=True), st.booleans(), st.booleans())
def test_protection_of_claims_volumes_and_classes(names: list[str], deleting: bool, in_use: bool) -> None:
    one = core.PersistentVolumeClaim()
    one.metadata.finalizers = names
    one.metadata.deletionTimestamp = READY if deleting else None
    found = finalizers.wanted(one, "mine", in_use=in_use)
    one.metadata.finalizers = names if found is None else found
    assert finalizers.wanted(one, "mine", in_use=in_use) is None
    assert ("other" in names) == ("other" in one.metadata.finalizers)
    assert "mine" in one.metadata.finalizers or (deleting and not (in_use and "mine" in names))


@given(st.lists(st.tuples(st.sampled_from(["", "n"]), st.sampled_from(["c", "d"])), max_size=5), CHANCE)
def test_use_of_a_claim(given_: list[tuple[str, str]], chance: random.Random) -> None:
    one = core.PersistentVolumeClaim()
    one.metadata.name = "c"
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": name}} for _, name in given_]
    pods = [
        msgspec.convert({"spec": {"nodeName": node, "volumes": [volume]}}, core.Pod)
        for (node, _), volume in zip(given_, volumes, strict=True)
    ]
    expected = ("n", "c") in given_
    assert is_used(one, pods) == expected
    chance.shuffle(pods)
    assert is_used(one, pods) == expected


CLASSES = st.sampled_from(["", "fast", "slow"])


@given(st.lists(st.tuples(CLASSES, CLASSES, CLASSES), max_size=4), st.lists(CLASSES, max_size=3), CHANCE)
def test_use_of_a_class_of_volume_attributes(
    given_: list[tuple[str, str, str]], of_volumes: list[str], chance: random.Random
) -> None:
    found = []
    for wanted, now, next_ in given_:
        one = core.PersistentVolumeClaim()
        one.spec.volumeAttributesClassName, one.status.currentVolumeAttributesClassName = wanted or None, now or None
        if next_:
            one.status.modifyVolumeStatus = core.ModifyVolumeStatus(targetVolumeAttributesClassName=next_)
        found.append(one)
    volumes = [core.PersistentVolume() for _ in of_volumes]
    for volume, name in zip(volumes, of_volumes, strict=True):
        volume.spec.volumeAttributesClassName = name or None
    expected = any("fast" in names for names in given_) or "fast" in of_volumes
    assert class_is_used("fast", found, volumes) == expected
    chance.shuffle(found)
    chance.shuffle(volumes)
    assert class_is_used("fast", found, volumes) == expected


@given(st.dictionaries(st.sampled_from(["ca.crt", "more"]), st.sampled_from(["bundle", "old"])), st.booleans())
def test_root_certificates(present: dict[str, str], there: bool) -> None:
    one = core.ConfigMap(data=present) if there else None
    if one is not None:
        one.metadata.namespace, one.metadata.resourceVersion = "n", "7"
    found = root_ca(one, "n", "bundle")
    assert (found is None) == (there and present == {"ca.crt": "bundle"})
    if found is not None:
        assert (found.metadata.namespace, found.metadata.resourceVersion) == ("n", "7" if there else "")
        assert root_ca(found, "n", "bundle") is None


@given(st.integers(-600, 600), st.integers(0, 600))
def test_bootstrap_tokens_expire_once_and_for_ever(seconds: int, later: int) -> None:
    one = _bootstrap_token("aaaaaa", False)
    moment = (NOW + timedelta(seconds=seconds)).strftime("%FT%TZ")
    one.data = {**one.data, "expiration": encoded(moment)}
    left = bootstraptokens.seconds_left(one, NOW)
    assert left == seconds
    assert bootstraptokens.seconds_left(one, NOW + timedelta(seconds=later)) == seconds - later
    assert (bootstraptokens.signing_key(one, NOW) is None) == (seconds <= 0)


@given(st.sets(st.sampled_from(["ca.crt", "namespace", "token"])), st.sampled_from(["", "bundle"]))
def test_service_account_tokens(present: set[str], bundle: str) -> None:
    secret = core.Secret(data={name: encoded("old") for name in present})
    for name in missing(secret, bundle):
        secret.data = {**secret.data, name: encoded(bundle if name == "ca.crt" else "made")}
    assert missing(secret, bundle) == set()


@given(st.lists(st.sampled_from(["Approved", "Denied", "Failed"]), unique=True), st.booleans())
def test_certificate_requests(types: list[str], issued: bool) -> None:
    request = CertificateSigningRequest()
    request.metadata.creationTimestamp = "2030-01-01T23:00:00Z"
    request.spec.signerName, request.spec.request = "kubernetes.io/kube-apiserver-client", ""
    moment = "2030-01-01T23:30:00Z"
    request.status.conditions = [
        CertificateSigningRequestCondition(type=one, status="True", lastUpdateTime=moment) for one in types
    ]
    request.status.certificate = encoded("not a certificate") if issued else ""
    step = sign(request)
    if isinstance(step, Fail):
        more = CertificateSigningRequestCondition(type="Failed", status="True", lastUpdateTime=moment)
        request.status.conditions = [*request.status.conditions, more]
    assert isinstance(sign(request), Leave)
    request.status.conditions = [
        *request.status.conditions,
        CertificateSigningRequestCondition(type="Approved", status="True", lastUpdateTime=moment),
    ]
    assert not is_open(request)
    left = request_left(request, NOW)
    if left is not None:  # time alone makes a request go, and never come back
        later = request_left(request, LATER)
        assert later is not None and left - later == 60


@given(st.integers(0, 600), st.sampled_from(["Complete", "Failed", "Suspended"]), STATES)
def test_jobs_with_a_time_to_live(seconds: int, type_: str, status: str) -> None:
    condition = {"type": type_, "status": status, "lastTransitionTime": "2030-01-01T23:55:00Z"}
    body = {"spec": {"ttlSecondsAfterFinished": seconds}, "status": {"conditions": [condition]}}
    job = msgspec.convert(body, Job)
    left = job_left(job, NOW)
    if type_ == "Suspended" or status != "True":
        assert left is None
    else:
        assert left == seconds - 300
        job.metadata.deletionTimestamp = READY
        assert job_left(job, NOW) is None


@given(st.integers(0, 5), st.integers(0, 5), st.sampled_from(["Bound", "Pending"]))
def test_volume_expansion(asked: int, present: int, phase: str) -> None:
    claim = core.PersistentVolumeClaim()
    claim.spec.resources = core.VolumeResourceRequirements(requests={"storage": f"{asked}Gi"})
    claim.status.phase, claim.status.capacity = phase, {"storage": f"{present}Gi"}
    assert is_larger(claim) == (phase == "Bound" and asked > present)
    claim.status.capacity = {"storage": f"{max(asked, present)}Gi"}
    assert not is_larger(claim)


@given(
    st.sampled_from(["LoadBalancer", "ClusterIP"]), st.booleans(), st.booleans(), st.sampled_from(["", "example.com/x"])
)
def test_service_load_balancers(type_: str, marked: bool, deleting: bool, class_: str) -> None:
    one = core.Service()
    one.spec.type, one.spec.loadBalancerClass = type_, class_
    one.metadata.finalizers = [FINALIZER, "other"] if marked else ["other"]
    one.metadata.deletionTimestamp = READY if deleting else None
    cleanup = needs_cleanup(one)
    assert cleanup == (marked and (deleting or not wants(one)))
    given_ = [] if cleanup else [core.LoadBalancerIngress(ip="192.0.2.8")]
    names = ["other"] if cleanup else [FINALIZER, "other"]
    written = _patched(one, patch(one, names, given_))
    assert same(ingress_of(written), given_)
    assert not needs_cleanup(written) or not cleanup


def _patched(one: core.Service, body: dict[str, Any]) -> core.Service:
    made = copy.deepcopy(one)
    made.metadata.finalizers = body["metadata"]["finalizers"]
    balancer = body["status"]["loadBalancer"] or {}
    made.status.loadBalancer = msgspec.convert(balancer, core.LoadBalancerStatus)
    return made


@given(TAINTS, st.booleans(), st.sampled_from(["", "z1"]), st.sets(st.sampled_from(["192.0.2.1", "192.0.2.2"])))
def test_cloud_nodes(taints: list[core.Taint], new: bool, zone: str, addresses: set[str]) -> None:
    waiting = core.Taint(key="node.cloudprovider.kubernetes.io/uninitialized", effect="NoSchedule")
    one = Node()
    one.spec.taints = [*taints, waiting] if new else taints
    known = tuple(core.NodeAddress(type="InternalIP", address=address) for address in sorted(addresses))
    instance = Instance("local://a", known, zone=zone)
    body = node_patch(one, instance)
    assert (body is not None) == new
    if body is not None:
        one.spec.taints = msgspec.convert(body["spec"]["taints"] or [], list[core.Taint])
        one.spec.providerID = body["spec"]["providerID"]
        one.metadata.labels = body["metadata"].get("labels", {})
    assert node_patch(one, instance) is None
    assert one.spec.taints == taints
    one.status.addresses = list(known)
    assert address_patch(one, instance) is None


@given(st.lists(st.sampled_from(["kubernetes", "other", "more"])))
def test_namespace_finalizers(names: list[str]) -> None:
    left = remaining_finalizers(names)
    assert "kubernetes" not in left
    assert remaining_finalizers(left) == left
