"""iptables as text: what stands in the kernel, and changes to it in one atomic call.

What: `Table` holds one table's wanted chains; `render` turns the difference to the last applied state into input for
`iptables-restore --noflush`, which the kernel takes as a whole or not at all. Why: rules of others stay untouched, since only
chains that are ours are named, and jumps into them are added once. Flow: chains as values → text → `restore`.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kubelite.util.process import CommandFailed, run

LOCK_SECONDS = "5"
ATTEMPTS = 3
Chains = Mapping[str, tuple[str, ...]]
"""Chain name → its rules, each without the leading `-A CHAIN`."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A rule in a built-in chain that leads into one of ours; `first` puts it before all others."""

    chain: str
    rule: str
    first: bool = False


@dataclass(slots=True)
class Table:
    """One table's wanted state: our chains and the jumps into them."""

    name: str
    chains: dict[str, tuple[str, ...]] = field(default_factory=dict)
    jumps: tuple[Jump, ...] = ()


def render(table: Table, before: Chains, missing: Iterable[Jump]) -> str:
    """The lines that lead from `before` to the wanted chains; "" when nothing differs.

    A chain named with a policy is emptied by iptables-restore, so a changed chain is written whole, an unchanged one not at
    all, and one that is no longer wanted is emptied first and deleted last, when nothing points at it any more.
    """
    changed = [name for name, rules in table.chains.items() if before.get(name) != rules]
    gone = [name for name in before if name not in table.chains]
    jumps = list(missing)
    if not changed and not gone and not jumps:
        return ""
    lines = [f"*{table.name}"]
    lines += [f":{name} - [0:0]" for name in (*changed, *gone)]
    lines += [f"-{'I' if jump.first else 'A'} {jump.chain} {jump.rule}" for jump in jumps]
    for name in changed:
        lines += [f"-A {name} {rule}" for rule in table.chains[name]]
    lines += [f"-X {name}" for name in gone]
    return "\n".join([*lines, "COMMIT", ""])


def parse(dump: str) -> dict[str, dict[str, list[str]]]:
    """`iptables-save` output as table → chain → rules (without `-A CHAIN`)."""
    tables: dict[str, dict[str, list[str]]] = {}
    current: dict[str, list[str]] = {}
    for line in dump.splitlines():
        if line.startswith("*"):
            current = tables.setdefault(line[1:], {})
        elif line.startswith(":"):
            current.setdefault(line[1:].split(" ", 1)[0], [])
        elif line.startswith("-A "):
            _, chain, rule = line.split(" ", 2)
            current.setdefault(chain, []).append(rule)
    return tables


def missing_jumps(table: Table, present: Mapping[str, Iterable[str]]) -> list[Jump]:
    """The jumps that are not in the kernel, compared by the chain they lead to."""
    return [
        jump for jump in table.jumps if not any(_target(r) == _target(jump.rule) for r in present.get(jump.chain, ()))
    ]


def _target(rule: str) -> str:
    words = shlex.split(rule)
    return words[words.index("-j") + 1] if "-j" in words else ""


def _is_intact(table: Table, present: Mapping[str, Sequence[str]]) -> bool:
    counted = all(name in present and len(present[name]) == len(rules) for name, rules in table.chains.items())
    return counted and not missing_jumps(table, present)


async def save(family: str = "iptables") -> dict[str, dict[str, list[str]]]:
    """What the kernel has now."""
    return parse((await run([f"{family}-save"])).stdout.decode())


async def restore(text: str, family: str = "iptables") -> None:
    """Applies all tables of `text`, each as a whole. Another program that changes rules at this moment makes it try again."""
    for attempt in range(ATTEMPTS):
        try:
            await run([f"{family}-restore", "--noflush", "--wait", LOCK_SECONDS], stdin=text.encode())
            return
        except CommandFailed as error:
            if attempt == ATTEMPTS - 1 or b"Resource temporarily unavailable" not in error.completed.stderr:
                raise
            await asyncio.sleep(0.1)


class Applier:
    """Keeps several tables as wanted, sending the kernel only what changed."""

    def __init__(self, own: tuple[str, ...], family: str = "iptables") -> None:
        """`own`: prefixes of chain names that belong to the caller and are removed when not wanted."""
        self.own, self.family = own, family
        self._before: dict[str, dict[str, tuple[str, ...]]] | None = None

    def forget(self) -> None:
        """The next `apply` reads the kernel again and writes every chain."""
        self._before = None

    async def apply(self, *tables: Table) -> bool:
        """Brings the kernel to the wanted state; whether anything had to be written."""
        text = ""
        present = await save(self.family) if self._before is None else None
        for table in tables:
            if present is not None:
                there = present.get(table.name, {})
                # What stands in the kernel is spelled differently from what was written: unknown content counts as changed.
                before: dict[str, tuple[str, ...]] = {n: ("?",) for n in there if n.startswith(self.own)}
                missing = missing_jumps(table, there)
            else:
                before, missing = (self._before or {}).get(table.name, {}), []
            text += render(table, before, missing)
        if text:
            try:
                await restore(text, self.family)
            except BaseException:
                self.forget()
                raise
        self._before = {table.name: dict(table.chains) for table in tables}
        return bool(text)

    async def intact(self, *tables: Table) -> bool:
        """Whether chains with their rules and jumps are all still there; someone may have flushed the tables.

        Rules are counted, not compared, since the kernel spells them differently from what was written.
        """
        present = await save(self.family)
        return all(_is_intact(table, present.get(table.name, {})) for table in tables)
