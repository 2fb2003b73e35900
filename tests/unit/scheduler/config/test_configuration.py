"""KubeSchedulerConfiguration files: what they mean, and the words for what is wrong with them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubelite.scheduler.config.load import ConfigurationError, load
from kubelite.scheduler.config.profiles import build_profiles
from kubelite.scheduler.plugins.volume_binding import VolumeBinding
from kubelite.scheduler.profile import Profile, build, default_profile

CREATING = "initializing profiles: creating profile for scheduler name"
HEAD = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


def text(**fields: Any) -> bytes:
    return msgspec.json.encode({**HEAD, **fields})


def profiles(*given: dict[str, Any]) -> list[Profile]:
    return build_profiles(load(text(profiles=list(given))))


def plugins(**points: dict[str, list[Any]]) -> Profile:
    """A profile with these points; names stand for plugins without weight."""
    made = {
        point: {how: [{"name": p} if isinstance(p, str) else p for p in names] for how, names in sets.items()}
        for point, sets in points.items()
    }
    return profiles({"plugins": made})[0]


def filters(profile: Profile) -> list[str]:
    return [plugin.name for plugin in profile.filters]


def weights(profile: Profile) -> dict[str, int]:
    return {plugin.name: weight for plugin, weight in profile.scores}


def refusal(**fields: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        build_profiles(load(text(**fields)))
    return str(caught.value)


def arguments(name: str, **args: Any) -> str:
    """What is said of a plugin's arguments, without the path to them."""
    found = refusal(profiles=[{"pluginConfig": [{"name": name, "args": args}]}])
    return found.replace("profiles[0].pluginConfig[0].args.", "")


def test_an_empty_file_is_the_default_profile() -> None:
    (found,) = build_profiles(load(text()))
    default = default_profile()
    assert (found.name, filters(found), weights(found)) == ("default-scheduler", filters(default), weights(default))
    assert (found.percentage, found.gates, found.preemption is not None) == (100, True, True)


def test_yaml_is_read_with_its_types() -> None:
    found = load(
        b"apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\npodMaxBackoffSeconds: 20\n"
        b"leaderElection:\n  leaderElect: false\n"
    )
    assert (found.podMaxBackoffSeconds, found.leaderElection.leaderElect) == (20, False)


def test_plugins_are_disabled_by_name_or_all_at_once() -> None:
    assert "NodePorts" not in filters(plugins(filter={"disabled": ["NodePorts"]}))
    found = plugins(score={"disabled": ["*"], "enabled": [{"name": "ImageLocality", "weight": 5}]})
    assert weights(found) == {"ImageLocality": 5}
    assert filters(found) == filters(default_profile())
    assert plugins(postFilter={"disabled": ["DefaultPreemption"]}).preemption is None
    assert plugins(preEnqueue={"disabled": ["SchedulingGates"]}).gates is False


def test_multi_point_overrides_weights_and_loses_to_the_single_point() -> None:
    assert weights(plugins(multiPoint={"enabled": [{"name": "TaintToleration", "weight": 7}]}))["TaintToleration"] == 7
    both = plugins(
        multiPoint={"enabled": [{"name": "TaintToleration", "weight": 7}]},
        score={"enabled": [{"name": "TaintToleration", "weight": 9}]},
    )
    assert next(iter(weights(both).items())) == ("TaintToleration", 9)
    unsaid = plugins(multiPoint={"enabled": ["TaintToleration"]}, score={"enabled": ["NodeAffinity"]})
    assert {name: weights(unsaid)[name] for name in ("TaintToleration", "NodeAffinity", "PodTopologySpread")} == {
        "TaintToleration": 1,
        "NodeAffinity": 1,
        "PodTopologySpread": 2,
    }
    only = plugins(
        multiPoint={"disabled": ["*"], "enabled": ["PrioritySort", "DefaultBinder", "NodePorts"]},
    )
    assert (filters(only), weights(only)) == (["NodePorts"], {})


def test_several_profiles_have_plugins_and_arguments_of_their_own() -> None:
    strategy = {"scoringStrategy": {"type": "MostAllocated", "resources": [{"name": "cpu", "weight": 1}]}}
    one, two = profiles(
        {"schedulerName": "default-scheduler", "percentageOfNodesToScore": 50},
        {"schedulerName": "packing", "pluginConfig": [{"name": "NodeResourcesFit", "args": strategy}]},
    )
    assert (one.name, one.percentage, two.name, two.percentage) == ("default-scheduler", 50, "packing", 100)


def test_a_profile_can_look_at_more_or_fewer_nodes_than_the_others() -> None:
    own = {"schedulerName": "own", "percentageOfNodesToScore": 70}
    everything = {"schedulerName": "all", "percentageOfNodesToScore": 0}
    found = build_profiles(load(text(percentageOfNodesToScore=30, profiles=[{"schedulerName": "x"}, own, everything])))
    assert {profile.name: profile.percentage for profile in found} == {"x": 30, "own": 70, "all": 100}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"colour": 1}, 'strict decoding error: unknown field "colour"'),
        ({"profiles": [{"plugin": {}}]}, 'strict decoding error: unknown field "profiles[0].plugin"'),
        (
            {"profiles": [{"pluginConfig": [{"name": "InterPodAffinity", "args": {"weight": 1}}]}]},
            'decoding .profiles[0].pluginConfig[0]: strict decoding error: unknown field "weight"',
        ),
        ({"parallelism": 0}, "parallelism: Invalid value: 0: should be an integer value greater than zero"),
        ({"percentageOfNodesToScore": 101}, "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]"),
        ({"podInitialBackoffSeconds": 0}, "podInitialBackoffSeconds: Invalid value: 0: must be greater than 0"),
        (
            {"podMaxBackoffSeconds": 1, "podInitialBackoffSeconds": 2},
            "podMaxBackoffSeconds: Invalid value: 1: must be greater than or equal to PodInitialBackoffSeconds",
        ),
        (
            {"profiles": [{"schedulerName": "a"}, {"schedulerName": "a"}]},
            'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"',
        ),
        ({"profiles": [{"schedulerName": "a"}, {}]}, "profiles[1].schedulerName: Required value"),
        (
            {"leaderElection": {"resourceLock": "endpoints"}},
            'leaderElection.resourceLock: Invalid value: "endpoints": resourceLock value must be "leases"',
        ),
        (
            {"extenders": [{"urlPrefix": "http://x", "prioritizeVerb": "p"}]},
            "extenders[0].weight: Invalid value: 0: must have a positive weight applied to it",
        ),
        (
            {"extenders": [{"bindVerb": "b"}, {"bindVerb": "b"}]},
            'extenders: Invalid value: "found 2 extenders implementing bind": only one extender can implement bind',
        ),
        (
            {"profiles": [{"plugins": {"filter": {"enabled": [{"name": "Nope"}]}}}]},
            f'{CREATING} default-scheduler: FilterPlugin "Nope" does not exist',
        ),
        (
            {"profiles": [{"schedulerName": "x", "plugins": {"multiPoint": {"enabled": [{"name": "Nope"}]}}}]},
            f'{CREATING} x: PreFilterPlugin "Nope" does not exist',
        ),
        (
            {"profiles": [{"plugins": {"score": {"enabled": [{"name": "NodePorts"}]}}}]},
            f'{CREATING} default-scheduler: plugin "NodePorts" does not extend ScorePlugin plugin',
        ),
        (
            {"profiles": [{"plugins": {"filter": {"enabled": [{"name": "NodePorts"}] * 2}}}]},
            f'{CREATING} default-scheduler: plugin "NodePorts" already registered as "FilterPlugin"',
        ),
        (
            {"profiles": [{"plugins": {"multiPoint": {"enabled": [{"name": "NodePorts"}] * 2}}}]},
            f'{CREATING} default-scheduler: plugin "NodePorts" already registered as "PreFilterPlugin"',
        ),
        (
            {"clientConnection": {"contentType": "application/vnd.kubernetes.protobuf"}},
            'clientConnection.contentType: Unsupported value: "application/vnd.kubernetes.protobuf": '
            'supported values: "application/json"',
        ),
        (
            {"clientConnection": {"burst": -1}},
            "clientConnection.burst: Invalid value: -1: must be non-negative",
        ),
        (
            {"profiles": [{"plugins": {"bind": {"disabled": [{"name": "*"}]}}}]},
            f"{CREATING} default-scheduler: "
            'at least one bind plugin is needed for profile with scheduler name "default-scheduler"',
        ),
    ],
)
def test_what_is_wrong_is_said_in_upstreams_words(fields: dict[str, Any], words: str) -> None:
    assert refusal(**fields) == words


@pytest.mark.parametrize(
    ("plugins", "words"),
    [
        ({"preFilter": {"disabled": [{"name": "NodePorts"}]}}, '"NodePorts" cannot be disabled at preFilter alone'),
        ({"reserve": {"disabled": [{"name": "*"}]}}, '"*" cannot be disabled at reserve alone'),
        ({"permit": {"enabled": [{"name": "Coscheduling"}]}}, 'PermitPlugin "Coscheduling" does not exist'),
        (
            {"postBind": {"enabled": [{"name": "VolumeBinding"}]}},
            'plugin "VolumeBinding" does not extend PostBindPlugin plugin',
        ),
        (
            {
                "multiPoint": {"disabled": [{"name": "VolumeBinding"}]},
                "preBind": {"enabled": [{"name": "VolumeBinding"}]},
            },
            '"VolumeBinding" cannot be enabled at preBind alone',
        ),
    ],
)
def test_steps_of_a_plugin_are_not_configured_alone(plugins: dict[str, Any], words: str) -> None:
    assert words in refusal(profiles=[{"plugins": plugins}])


def test_steps_that_run_anyway_may_be_named() -> None:
    named = plugins(preFilter={"enabled": ["NodePorts"]}, reserve={"enabled": ["VolumeBinding"]})
    assert filters(named) == filters(default_profile())


def test_the_time_for_binding_volumes_is_that_of_the_profile() -> None:
    config = [{"name": "VolumeBinding", "args": {"bindTimeoutSeconds": 7}}]
    (found,) = profiles({"pluginConfig": config})
    assert [p.seconds for p in found.filters if isinstance(p, VolumeBinding)] == [7]


def test_another_kind_or_version_is_refused() -> None:
    body = {"apiVersion": "kubescheduler.config.k8s.io/v1beta3", "kind": "KubeSchedulerConfiguration"}
    with pytest.raises(ConfigurationError, match="no kind"):
        load(msgspec.json.encode(body))


@pytest.mark.parametrize(
    ("plugin", "args", "words"),
    [
        (
            "DynamicResources",
            {"bindingTimeout": "999ms"},
            'bindingTimeout: Invalid value: "999ms": must be at least 1 second',
        ),
        (
            "DynamicResources",
            {"filterTimeout": "-1s"},
            'filterTimeout: Invalid value: "-1s": must be zero or positive',
        ),
        (
            "DefaultPreemption",
            {"minCandidateNodesPercentage": 101},
            "minCandidateNodesPercentage: Invalid value: 101: not in valid range [0, 100]",
        ),
        (
            "InterPodAffinity",
            {"hardPodAffinityWeight": -1},
            "hardPodAffinityWeight: Invalid value: -1: not in valid range [0, 100]",
        ),
        (
            "NodeResourcesFit",
            {"scoringStrategy": {"type": "Fullest"}},
            'scoringStrategy.type: Unsupported value: "Fullest": supported values: '
            '"LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"',
        ),
        (
            "NodeResourcesFit",
            {"scoringStrategy": {"type": "RequestedToCapacityRatio"}},
            "scoringStrategy.requestedToCapacityRatio: Required value: "
            "must be specified when type is RequestedToCapacityRatio",
        ),
        (
            "NodeResourcesFit",
            {"ignoredResourceGroups": ["a.example/b"]},
            "ignoredResourceGroups[0]: Invalid value: \"a.example/b\": resource group name can't contain '/'",
        ),
        (
            "NodeResourcesBalancedAllocation",
            {"resources": [{"name": "cpu", "weight": 2}]},
            "resources[0].weight: Invalid value: 2: must be 1",
        ),
        (
            "PodTopologySpread",
            {"defaultConstraints": [{"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "ScheduleAnyway"}]},
            'defaultingType: Invalid value: "System": when .defaultConstraints are not empty',
        ),
        (
            "VolumeBinding",
            {"bindTimeoutSeconds": -1},
            "bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not be a negative value",
        ),
    ],
)
def test_arguments_of_plugins_are_checked(plugin: str, args: dict[str, Any], words: str) -> None:
    assert arguments(plugin, **args) == words


def test_a_plugin_that_filters_and_scores_is_made_once() -> None:
    found = build()
    fit = next(plugin for plugin in found.filters if plugin.name == "NodeResourcesFit")
    assert any(plugin is fit for plugin, _ in found.scores)
