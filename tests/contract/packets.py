"""A virtual kernel: leads one packet through rendered iptables rules and tells everything that can become of it.

What: `Kernel(nat, filter, local)` and `trace(packet)` → the possible outcomes with their chances. Why: rules are judged by what
happens to packets, not by how they are spelled; random choices are followed both ways, so the answer is exact.
Only the matches that our rules use are known; any other is an error, so that no rule is passed over in silence.
"""

from __future__ import annotations

import ipaddress
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from kubelite.netfilter.iptables import Table

TERMINAL = ("ACCEPT", "DROP", "REJECT", "DNAT", "MASQUERADE")


@dataclass(frozen=True)
class Packet:
    src: str
    dst: str
    port: int
    protocol: str = "tcp"
    mark: int = 0
    state: str = "NEW"


@dataclass(frozen=True)
class Outcome:
    """`verdict` is ACCEPT, DROP or REJECT; an accepted packet goes to `target`, with the node's address if `masqueraded`."""

    verdict: str
    target: str = ""
    masqueraded: bool = False


@dataclass
class Kernel:
    """The rules of a node. `local`: the node's own addresses; `recent`: source addresses remembered by list name."""

    nat: Table
    filter: Table
    local: frozenset[str] = frozenset(("192.0.2.1", "127.0.0.1"))
    recent: dict[str, set[str]] = field(default_factory=dict)

    def trace(self, packet: Packet) -> dict[Outcome, float]:
        """What becomes of a new connection's first packet; the chances add up to 1."""
        found: defaultdict[Outcome, float] = defaultdict(float)
        own = packet.src in self.local
        for after, verdict, chance in self._enter(self.nat, "OUTPUT" if own else "PREROUTING", packet):
            target = verdict.removeprefix("DNAT ") if verdict.startswith("DNAT") else f"{after.dst}:{after.port}"
            host, _, port = target.rpartition(":")
            # To the filter table a translated connection is one more state.
            led = replace(after, dst=host, port=int(port), state="DNAT" if verdict.startswith("DNAT") else "NEW")
            for last, judgement, share in self._filter(led, own):
                for _, changed, part in self._enter(self.nat, "POSTROUTING", last):
                    outcome = Outcome("ACCEPT", target, changed == "MASQUERADE")
                    refused = judgement in ("DROP", "REJECT")
                    found[Outcome(judgement) if refused else outcome] += chance * share * part
        return {outcome: round(chance, 6) for outcome, chance in found.items()}

    def _filter(self, packet: Packet, own: bool) -> list[tuple[Packet, str, float]]:
        hooks = [*(["OUTPUT"] if own else []), *(["INPUT"] if packet.dst in self.local else [] if own else ["FORWARD"])]
        states = [(packet, "", 1.0)]
        for hook in hooks:
            following = []
            for one, verdict, chance in states:
                if verdict in ("DROP", "REJECT"):
                    following.append((one, verdict, chance))
                else:
                    following += [(p, v, c * chance) for p, v, c in self._enter(self.filter, hook, one)]
            states = following
        return states

    def _enter(self, table: Table, hook: str, packet: Packet) -> Iterator[tuple[Packet, str, float]]:
        """A built-in chain, whose only rules are the jumps into ours; inserted ones come before appended ones."""
        jumps = [j for j in table.jumps if j.chain == hook]
        rules = [j.rule for j in reversed(jumps) if j.first] + [j.rule for j in jumps if not j.first]
        yield from self._walk(table, tuple(rules), packet)

    def _walk(self, table: Table, rules: tuple[str, ...], packet: Packet) -> Iterator[tuple[Packet, str, float]]:
        if not rules:
            yield packet, "", 1.0
            return
        rule, rest = _parse(rules[0]), rules[1:]
        chance = self._matches(rule, packet)
        if chance < 1:
            for after, verdict, share in self._walk(table, rest, packet):
                yield after, verdict, share * (1 - chance)
        if chance == 0:
            return
        for after, verdict, share in self._act(table, rule, packet):
            if verdict == "RETURN":
                yield after, "", share * chance
            elif verdict:
                yield after, verdict, share * chance
            else:
                for last, final, part in self._walk(table, rest, after):
                    yield last, final, part * share * chance

    def _act(self, table: Table, rule: dict[str, str], packet: Packet) -> Iterator[tuple[Packet, str, float]]:
        target = rule["-j"]
        if target == "MARK":
            change = int(rule.get("--or-mark", rule.get("--xor-mark", "0")), 0)
            mark = packet.mark | change if "--or-mark" in rule else packet.mark ^ change
            yield replace(packet, mark=mark), "", 1.0
        elif target == "RETURN":
            yield packet, "RETURN", 1.0
        elif target in TERMINAL:
            yield packet, f"DNAT {rule['--to-destination']}" if target == "DNAT" else target, 1.0
        else:
            # Leaving a chain by RETURN goes on in the one that led into it.
            yield from self._walk(table, table.chains[target], packet)

    def _matches(self, rule: dict[str, str], packet: Packet) -> float:
        """How likely the rule takes this packet: 0, 1, or its random share."""
        chance = 1.0
        for word, value in rule.items():
            name = word.removeprefix("!")
            if name == "--probability":
                chance = float(value)
            elif name in MATCHES or name == "--rcheck":
                recently = packet.src in self.recent.get(rule.get("--name", ""), ())
                holds = recently if name == "--rcheck" else MATCHES[name](packet, value, self.local)
                if holds == word.startswith("!"):
                    return 0.0
            elif name not in KNOWN:
                raise AssertionError(f"the tracer does not know {word} {value}")
        return chance


def _marked(packet: Packet, value: str, local: frozenset[str]) -> bool:
    number, _, mask = value.partition("/")
    return packet.mark & int(mask, 0) == int(number, 0)


def _in_state(packet: Packet, value: str, local: frozenset[str]) -> bool:
    states = {packet.state, "NEW"} if packet.state == "DNAT" else {packet.state}
    return bool(states & set(value.split(",")))


MATCHES: dict[str, Callable[[Packet, str, frozenset[str]], bool]] = {
    "-s": lambda packet, value, local: _within(packet.src, value),
    "-d": lambda packet, value, local: _within(packet.dst, value),
    "-p": lambda packet, value, local: packet.protocol == value,
    "--dport": lambda packet, value, local: packet.port == int(value),
    "--mark": _marked,
    "--dst-type": lambda packet, value, local: packet.dst in local,
    "--src-type": lambda packet, value, local: packet.src in local,
    "--ctstate": _in_state,
}
FLAGS = ("--set", "--rcheck", "--reap", "--random-fully")
KNOWN = {
    "-m",
    "-j",
    "--comment",
    "--mode",
    "--name",
    "--seconds",
    "--to-destination",
    "--or-mark",
    "--xor-mark",
    *FLAGS,
}


def _parse(rule: str) -> dict[str, str]:
    """Word → value; a negated match has `!` before its word."""
    words, found = shlex.split(rule), {}
    negated = ""
    while words:
        word = words.pop(0)
        if word == "!":
            negated = "!"
            continue
        found[negated + word] = "" if word in FLAGS else words.pop(0)
        negated = ""
    return found


def _within(address: str, network: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)
