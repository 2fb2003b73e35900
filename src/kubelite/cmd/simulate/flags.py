"""The flags of `kubelite simulate`, and its `--help`.

Why apart: the text that teaches is as long as the program. Flow: argv → `parser()` → a namespace whose values are checked.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, TypeVar

from kubelite.cmd.simulate import nodes, script
from kubelite.cmd.simulate.fleet import EVENTS
from kubelite.cmd.simulate.nodes import MARK
from kubelite.cmd.simulate.script import PREFIX, Script
from kubelite.kubelet.node.status import parse_taint

T = TypeVar("T")
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?")

DESCRIPTION = """\
Joins simulated nodes to a cluster. To the scheduler, the controllers and kubectl they are nodes like any other:
pods are bound to them, start, become Ready, crash, back off and end, and the code that decides all this is the
kubelet's own. Only the containers do not exist: there is nothing to exec into, no log, and no address answers.

All nodes live in this one process until it is stopped by Ctrl-C, which deletes them again. They may stand beside
real ones."""

EPILOG = f"""\
what a single pod does, by annotations on the pod (or on the template of its Deployment, Job, ...):
  {PREFIX}start-time: 0.2s..2s    time until each container runs
  {PREFIX}run-for: 5s..10s        its containers end after this, also where they would be restarted
  {PREFIX}exit-code: "3"          with this code (default 0)
  {PREFIX}fail: 20%               this share of the starts ends with code 1
  {PREFIX}ready-after: 3s         time until its readiness probes succeed
  {PREFIX}stop-time: 10s          time from the stop signal to the end (at most the grace period)

what a single node does:
  kubectl annotate node hollow-7 {nodes.LOST}=true     it falls silent, as if its network were cut
  kubectl annotate node hollow-7 {nodes.LOST}-         it speaks again

examples:
  kubelite simulate --nodes 1000
  kubelite simulate --nodes 50 --fail 1% --start-time 1s..30s     slow, sometimes failing
  kubelite simulate --nodes 10 --name gpu --capacity cpu=64,memory=256Gi,example.com/gpu=8 --labels pool=gpu
  kubelite simulate --nodes 500 --taint {MARK}=true:NoSchedule     only for pods that tolerate it
  kubectl get nodes -l {MARK}=true"""


def _argument(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A parser for argparse that shows what is wrong in its own words."""

    def checked(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def _count(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"{text!r} is not a number from {low} to {high}")
        return int(text)

    return _argument(parse)


def _prefix(text: str) -> str:
    if not DNS_LABEL.fullmatch(text):
        raise ValueError(f"{text!r} cannot begin a node's name: lower case letters, digits and '-', at most 52")
    return text


def _pairs(text: str) -> tuple[str, ...]:
    items = tuple(filter(None, text.split(",")))
    for item in items:
        if not item.partition("=")[0] or "=" not in item:
            raise ValueError(f"invalid label {item!r}: such as pool=gpu")
    return items


def _taint(text: str) -> str:
    parse_taint(text)
    return text


def _heartbeat(text: str) -> float:
    found = script.parse_range(text)
    if found.low != found.high or not 1 <= found.low <= 600:
        raise ValueError(f"invalid heartbeat {text!r}: one time from 1s to 600s")
    return found.low


_DEFAULT = Script()
_SPAN = _argument(script.parse_range)

NODES: dict[str, dict[str, Any]] = {
    "--nodes": {"type": _count(1, 65_000), "default": 10, "metavar": "N", "help": "How many (default: 10)"},
    "--name": {
        "type": _argument(_prefix),
        "default": "hollow",
        "help": "Names are NAME-0, NAME-1, ... (default: hollow)",
    },
    "--zones": {
        "type": _count(0, 1000),
        "default": 3,
        "metavar": "N",
        "help": f"Spread over zones by the label {nodes.ZONE}; 0: none (default: 3)",
    },
    "--capacity": {
        "type": lambda text: tuple(filter(None, text.split(","))),
        "default": (),
        "metavar": "A=1,B=2",
        "help": "Resources of each (default: cpu=8,memory=32Gi,pods=110)",
    },
    "--labels": {"type": _argument(_pairs), "default": (), "metavar": "A=B,C=D", "help": "More labels of each"},
    "--taint": {
        "type": _argument(_taint),
        "action": "append",
        "default": [],
        "metavar": "KEY=VALUE:EFFECT",
        "help": "A taint of each; may be given again",
    },
    "--heartbeat": {
        "type": _argument(_heartbeat),
        "default": 10.0,
        "metavar": "TIME",
        "help": "Time between renewals of a node's Lease (default: 10s)",
    },
    "--keep": {
        "action": "store_true",
        "help": "Leave the nodes in the cluster at the end; the next run takes them over",
    },
}
CONTAINERS: dict[str, dict[str, Any]] = {
    "--start-time": {
        "type": _SPAN,
        "default": _DEFAULT.start_time,
        "metavar": "TIME",
        "help": "Until a container runs (default: 0.2s..2s)",
    },
    "--run-for": {
        "type": _SPAN,
        "default": _DEFAULT.run_for,
        "metavar": "TIME",
        "help": "Until it ends, in pods with restartPolicy Never or OnFailure (default: 1s..5s)",
    },
    "--stop-time": {
        "type": _SPAN,
        "default": _DEFAULT.stop_time,
        "metavar": "TIME",
        "help": "From the stop signal to the end (default: 0.1s..1s)",
    },
    "--ready-after": {
        "type": _SPAN,
        "default": _DEFAULT.ready_after,
        "metavar": "TIME",
        "help": "Until readiness probes succeed (default: at once)",
    },
    "--fail": {
        "type": _argument(script.parse_share),
        "default": 0.0,
        "metavar": "SHARE",
        "help": "Share of the starts that end with exit code 1 (default: none)",
    },
    "--seed": {
        "type": int,
        "default": 0,
        "metavar": "N",
        "help": "The same seed and names give the same times and failures (default: 0)",
    },
    "--events": {
        "choices": EVENTS,
        "default": "warnings",
        "help": "Events that the nodes write (default: warnings)",
    },
}


def parser() -> argparse.ArgumentParser:
    """The flags."""
    made = argparse.ArgumentParser(
        prog="kubelite simulate",
        description=DESCRIPTION,
        epilog=EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--kubeconfig", default="", help="The cluster and who to be (default: $KUBECONFIG, else this machine's admin)"
    )
    made.add_argument("--context", default=None, help="Context of the kubeconfig to use")
    group = made.add_argument_group("nodes")
    for flag, settings in NODES.items():
        group.add_argument(flag, **settings)
    group = made.add_argument_group("containers (TIME is such as 2s, or 0.2s..2s for a time between)")
    for flag, settings in CONTAINERS.items():
        group.add_argument(flag, **settings)
    return made
