"""The README's tour works: every command of its ```console blocks, in order, with the output that it shows."""

from __future__ import annotations

import pathlib
import re
import shutil
from dataclasses import dataclass, field

from tests import kubectls
from tests.e2e.machine import ROOT, Machine

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WILDCARD = "…"


@dataclass
class Step:
    """One command and the lines that the README shows under it."""

    command: str
    shown: list[str] = field(default_factory=list)


def steps(text: str) -> list[Step]:
    """`$ ` begins a command, `> ` continues it, other lines are output."""
    found: list[Step] = []
    for block in BLOCK.findall(text):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Step(line[2:]))
            elif line == ">" or line.startswith("> "):
                found[-1].command += "\n" + line[2:]
            else:
                found[-1].shown.append(line)
    return found


def matches(shown: str, line: str) -> bool:
    """Spaces count as one, `…` as anything."""
    pattern = ".*".join(re.escape(part) for part in " ".join(shown.split()).split(WILDCARD))
    return re.fullmatch(pattern, " ".join(line.split())) is not None


def missing(shown: list[str], output: str) -> list[str]:
    """The shown lines that the output lacks, in order; a line of `…` alone stands for any number of lines."""
    lines = iter(output.splitlines())
    wanted = [line for line in shown if line.strip() and line.strip() != WILDCARD]
    return [line for line in wanted if not any(matches(line, got) for got in lines)]


def find_kubectl() -> str | None:
    """A real kubectl of this host, in whatever version."""
    return shutil.which("kubectl") or next(iter(kubectls.some(*(f"1.{minor}" for minor in range(36, 26, -1)))), None)


def test_every_command_of_the_tour_does_what_the_readme_shows(
    machine: Machine, tars: list[pathlib.Path], tmp_path: pathlib.Path
) -> None:
    kubectl, exports = find_kubectl(), []
    if kubectl:
        (tmp_path / "kubectl").symlink_to(kubectl)
        exports.append(f"export PATH={tmp_path}:$PATH")
    tour = steps((ROOT / "README.md").read_text(encoding="utf-8"))
    for step in tour:
        if step.command.startswith("kubectl ") and not kubectl:
            continue
        script = "\n".join(["set -e", *exports, step.command])
        done = machine.run("bash", "-c", script, check=False, timeout=180)
        assert done.returncode == 0, f"$ {step.command}\n{done.stdout}\n{done.stderr}"
        lacking = missing(step.shown, done.stdout)
        assert lacking == [], f"$ {step.command}\n{done.stdout}\n{done.stderr}"
        if step.command.startswith("export "):
            exports.append(step.command)
    (ROOT / "build" / "worker-1.tar").unlink()
    words = [step.command.split()[0] for step in tour]
    assert words.count("kubelite") > 10 and words.count("kubectl") > 2, "the tour shows both command lines"


def test_the_reader_of_the_tour_can_be_wrong() -> None:
    text = "```console\n$ cat <<EOF\n> a\n>   b\n> EOF\na\n$ true\n…\nx … z\n```\n"
    first, second = steps(text)
    assert first == Step("cat <<EOF\na\n  b\nEOF", ["a"])
    assert missing(second.shown, "one\nx   y z\n") == []
    assert missing(second.shown, "one\n") == ["x … z"]
    assert missing(["b", "a"], "a\nb\n") == ["a"]
