"""What `up` remembers, and that the processes understand what they are told."""

from __future__ import annotations

import importlib
import json
import pathlib
from dataclasses import replace

import pytest

from kubelite.cli.flags import Parsed
from kubelite.cli.session import Session, Streams
from kubelite.client.config import load_kubeconfig
from kubelite.cmd.cluster.config import Config, Paths, complete, load, save
from kubelite.cmd.cluster.processes import wanted
from kubelite.cmd.cluster.up import merged
from kubelite.cmd.questions.rules import rules
from kubelite.cmd.registry import COMPONENTS, LIFECYCLE
from kubelite.util import flags
from tests.unit.cmd.cluster.places import relocate

FULL = Config(
    node_name="n",
    node_ip="192.0.2.1",
    etcd_servers="https://192.0.2.9:2379",
    etcd_cafile="/ca",
    etcd_certfile="/crt",
    etcd_keyfile="/key",
)


def test_a_config_is_loaded_as_it_was_saved(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    relocate(monkeypatch, tmp_path)
    assert load() is None
    save(FULL)
    assert load() == FULL


def test_flags_win_over_what_was_saved_and_the_rest_is_kept(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relocate(monkeypatch, tmp_path)
    save(FULL)
    found = merged(["--node-ip=192.0.2.2", "--wait=5"])
    assert (found.node_name, found.node_ip, found.wait) == ("n", "192.0.2.2", 5)
    assert found.etcd_servers == FULL.etcd_servers


def test_names_and_addresses_that_are_given_stand() -> None:
    assert complete(FULL) == replace(FULL, cgroup_root="/kubelite/n")
    assert complete(Config(node_ip="192.0.2.1")).node_name
    assert complete(replace(FULL, cgroup_root="/mine")).cgroup_root == "/mine"


@pytest.mark.parametrize(
    "config",
    [replace(FULL, load_balancer_pool="192.0.2.8"), Config(node_name="n", node_ip="192.0.2.1")],
    ids=["etcd", "embedded"],
)
def test_every_flag_of_every_process_exists(config: Config) -> None:
    started = {process.name: process.argv for process in wanted(config)}
    left_out = set() if config.load_balancer_pool else {"cloud-controller-manager"}
    assert started.keys() == {*COMPONENTS, "containerd"} - left_out
    for name, argv in started.items():
        if name == "containerd":
            continue
        words = argv[argv.index(name) + 1 :]
        component = importlib.import_module(COMPONENTS[name].module).Config
        parsed = flags.parse(component, words, program=name, description="")
        for word in words:
            flag, _, value = word.removeprefix("--").partition("=")
            told = getattr(parsed, flag.replace("-", "_"))
            assert (",".join(told) if isinstance(told, tuple) else str(told)) == value


def test_the_scheduler_gets_its_configuration_and_plugins_wherever_it_starts() -> None:
    given = complete(replace(FULL, scheduler_config="s.yaml", scheduler_plugin_dir="/plugins"))
    argv = next(process.argv for process in wanted(given) if process.name == "scheduler")
    assert {f"--config={pathlib.Path('s.yaml').absolute()}", "--plugin-dir=/plugins"} <= set(argv)


def test_questions_find_the_rules_of_the_cluster_of_this_machine(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relocate(monkeypatch, tmp_path)
    save(replace(FULL, scheduler_plugin_dir=str(tmp_path)))
    (tmp_path / "p.py").write_text("class Plugin:\n    name = 'mine'\n")
    for server, found in (("https://192.0.2.1:6443", ["mine"]), ("https://192.0.2.7:6443", [])):
        body = {"clusters": [{"name": "c", "cluster": {"server": server}}], "users": [{"name": "u", "user": {}}]}
        contexts = [{"name": "c", "context": {"cluster": "c", "user": "u"}}]
        text = json.dumps(body | {"apiVersion": "v1", "kind": "Config", "contexts": contexts, "current-context": "c"})
        asked = tmp_path / "asked.kubeconfig"
        asked.write_text(text)
        if found:
            Paths.admin.write_text(text)
        session = Session(Parsed({"kubeconfig": str(asked), "namespace": ""}, [], frozenset()), Streams())
        session._config = load_kubeconfig(str(asked))
        assert [plugin.name for plugin in rules(session, "", "").plugins] == found


def test_a_machine_that_joined_runs_a_nodes_processes_only() -> None:
    names = [process.name for process in wanted(Config(node_name="n", node_ip="192.0.2.1", join="bundle"))]
    assert names == ["containerd", "kubelet", "network", "proxy"]


def test_every_word_of_the_command_line_leads_to_its_function() -> None:
    for command in COMPONENTS.values():
        module = importlib.import_module(command.module)
        assert callable(module.run)
        undocumented = set(module.Config.__dataclass_fields__) - flags.field_docs(module.Config).keys()
        assert undocumented == set()
    for command in LIFECYCLE.values():
        assert callable(importlib.import_module(command.module).main)
