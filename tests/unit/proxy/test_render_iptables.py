"""Names and amounts of the rendered rules; what they do to packets is tested in tests/contract/test_packetflow.py."""

from __future__ import annotations

from kubelite.proxy.model import Balanced, Endpoint
from kubelite.proxy.render_iptables import Settings, chain, spread, tables

LONGEST_CHAIN = 28


def port(name: str, *endpoints: str, **more: object) -> Balanced:
    found = tuple(Endpoint(ip, 8080) for ip in endpoints)
    fields = {"node_port": 0, "external_ips": (), "affinity_seconds": 0, **more}
    return Balanced(name, "tcp", "10.96.0.9", 80, everywhere=found, here=(), **fields)  # type: ignore[arg-type]


def test_chain_names_are_stable_distinct_and_short_enough() -> None:
    names = {chain(prefix, "ns/a:p", "tcp") for prefix in ("SVC", "SEP", "EXT", "SVL", "FW")}
    assert len(names) == 5
    assert all(len(name) <= LONGEST_CHAIN for name in names)
    assert chain("SVC", "ns/a:p", "tcp") == chain("SVC", "ns/a:p", "tcp") != chain("SVC", "ns/a:p", "udp")


def test_the_last_of_several_endpoints_takes_what_is_left() -> None:
    assert [rule.partition("--probability ")[2].split(" ")[0] for rule in spread(["a", "b", "c"], "")] == [
        "0.3333333333",
        "0.5000000000",
        "",
    ]


def test_every_jump_leads_to_a_chain_that_exists() -> None:
    wanted = [port("ns/a:p", "10.0.0.1", "10.0.0.2", node_port=30001), port("ns/b:p"), port("ns/c:p", "10.0.0.1")]
    verdicts = {"RETURN", "MARK", "MASQUERADE", "DNAT", "REJECT", "DROP", "ACCEPT"}
    for table in tables(wanted, Settings("10.244.0.0/16")):
        rules = [rule for rules in table.chains.values() for rule in rules] + [jump.rule for jump in table.jumps]
        targets = {words[words.index("-j") + 1] for words in map(str.split, rules)}
        assert targets - verdicts <= table.chains.keys()


def test_the_same_ports_render_the_same_rules() -> None:
    wanted = [port("ns/a:p", "10.0.0.1", "10.0.0.2")]
    assert tables(wanted, Settings()) == tables(list(wanted), Settings())


def test_without_a_pod_range_only_the_endpoint_itself_is_masqueraded() -> None:
    nat, _ = tables([port("ns/a:p", "10.0.0.1")], Settings(""))
    marking = [rule for rules in nat.chains.values() for rule in rules if rule.endswith("-j KUBE-MARK-MASQ")]
    assert [rule.split(" ")[:2] for rule in marking] == [["-s", "10.0.0.1/32"]]
