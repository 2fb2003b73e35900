"""`kubelite whatif`: what would happen, by the scheduler's own plugins and configuration, on a snapshot; nothing is written.

Flow: arguments → `Options` → asking.py, which loads the scheduler only now → a table, JSON or YAML (answers.py). Exit code: 0
everything would have a place, 1 something would stay Pending, be refused or be blocked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kubelite.cli import options
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.session import Session
from kubelite.cmd.questions import rules

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked. `args`: what follows the action."""

    args: tuple[str, ...]
    files: tuple[str, ...] = ()
    recursive: bool = False
    snapshot: str = ""
    config: str = ""
    plugin_dir: str = ""
    output: str = ""
    hard: tuple[str, ...] = ()


def complete(parsed: Parsed, session: Session) -> Options:
    values = parsed.values
    return Options(
        tuple(parsed.args),
        tuple(values.get("filename", ())),
        bool(values.get("recursive")),
        str(values.get("snapshot", "")),
        str(values.get("config", "")),
        str(values.get("plugin-dir", "")),
        str(values.get("output", "")),
        tuple(values.get("hard", ())),
    )


def _wants(count: int, what: str) -> Callable[[Options], None]:
    def validate(opts: Options) -> None:
        if opts.output not in ("", "json", "yaml"):
            allowed = "allowed formats are: json,yaml"
            raise CliError(f'unable to match a printer suitable for the output format "{opts.output}", {allowed}')
        if len(opts.args) != count:
            raise CliError(f"this question takes {what}")

    return validate


def _validate_taint(opts: Options) -> None:
    _wants(max(2, len(opts.args)), "a node and taints")(opts)


def _validate_apply(opts: Options) -> None:
    _wants(0, "no arguments, only -f FILENAME")(opts)
    if not opts.files:
        raise CliError("must specify what would be applied with -f FILENAME")


async def run_drain(opts: Options, session: Session) -> int:
    from kubelite.cmd.questions import asking

    return await asking.drain(opts, session)


async def run_lose(opts: Options, session: Session) -> int:
    from kubelite.cmd.questions import asking

    return await asking.lose(opts, session)


def taint_of(text: str) -> tuple[str, str, str, bool]:
    """(key, value, effect, whether it is taken away) of `k=v:Effect`, `k:Effect`, `k:Effect-`, `k-`. Raises CliError."""
    remove, body = text.endswith("-"), text.removesuffix("-")
    pair, _, effect = body.partition(":")
    key, _, value = pair.partition("=")
    if not key or (effect not in EFFECTS and not (remove and not effect)):
        raise CliError(f"invalid taint spec: {text}; it is KEY[=VALUE]:EFFECT, with one of {', '.join(EFFECTS)}")
    return key, value, effect, remove


async def run_taint(opts: Options, session: Session) -> int:
    taints = [taint_of(text) for text in opts.args[1:]]
    from kubelite.cmd.questions import asking

    return await asking.taint(opts, session, taints)


async def run_apply(opts: Options, session: Session) -> int:
    from kubelite.cmd.questions import asking

    return await asking.apply(opts, session)


async def run_quota(opts: Options, session: Session) -> int:
    from kubelite.cmd.questions import asking

    return await asking.quota(opts, session)


async def run_snapshot(opts: Options, session: Session) -> int:
    from kubelite.cmd.questions import snapshot

    session.streams.write_bytes((await snapshot.read(session)).saved() + b"\n")
    return 0


# --- commands ---------------------------------------------------------------------------------------------------------

_FLAGS = (
    Flag("snapshot", "Ask a file that `whatif snapshot` wrote instead of the cluster; - for stdin."),
    *rules.FLAGS,
    Flag("output", "Output format: json or yaml.", short="o"),
)
_ALL_AT_ONCE = (
    "Pods count as having come at once: by priority, then in order. Where nodes are equally good, the scheduler takes one at "
    "random; the answer names the first and says which others."
)

APPLY = Command(
    name="apply",
    summary="Where the pods of these manifests would go",
    usage="whatif apply -f FILENAME [--snapshot FILE] [--config FILE]",
    long="Pods, and what makes pods: deployments, replica sets, stateful sets, daemon sets, jobs; of "
    "those that exist with the same template only additional replicas are new. Nodes, volumes, claims and budgets in the files "
    "are added first. Limit ranges, priority classes and quotas count.\n\n" + _ALL_AT_ONCE,
    examples=(
        ("Would this fit?", "whatif apply -f web.yaml"),
        ("Would it fit with one node more?", "whatif apply -f node.yaml -f web.yaml"),
    ),
    flags=(*_FLAGS, options.FILENAME, options.RECURSIVE),
    complete=complete,
    validate=_validate_apply,
    run=run_apply,
)
DRAIN = Command(
    name="drain",
    summary="What a drain of a node would move, and what would block it",
    usage="whatif drain NODE [--snapshot FILE] [--config FILE]",
    long="The node is cordoned and its pods evicted as disruption budgets allow, at once or when what came in place of earlier "
    "ones runs; what controllers make again is placed. The last line is the command that would do it, with the flags that it "
    "would ask for.\n\n" + _ALL_AT_ONCE,
    examples=(("Can node-1 be taken down?", "whatif drain node-1"),),
    flags=_FLAGS,
    complete=complete,
    validate=_wants(1, "one node"),
    run=run_drain,
)
LOSE = Command(
    name="lose",
    summary="What would happen if a node were gone",
    usage="whatif lose NODE [--snapshot FILE] [--config FILE]",
    long="As if the node and everything on it were gone, and controllers had made again what they make.\n\n"
    + _ALL_AT_ONCE,
    examples=(("Is there room for everything without node-1?", "whatif lose node-1"),),
    flags=_FLAGS,
    complete=complete,
    validate=_wants(1, "one node"),
    run=run_lose,
)
TAINT = Command(
    name="taint",
    summary="What taints on a node, or their removal, would move",
    usage="whatif taint NODE KEY[=VALUE]:EFFECT[-]... [--snapshot FILE] [--config FILE]",
    long="NoExecute drives out pods that do not tolerate it, and after their tolerationSeconds those that do for a while; a "
    "taint that goes may let in pending pods and daemon sets.\n\n" + _ALL_AT_ONCE,
    examples=(
        ("Keep node-1 for one team", "whatif taint node-1 team=a:NoExecute"),
        ("Open it again", "whatif taint node-1 team-"),
    ),
    flags=_FLAGS,
    complete=complete,
    validate=_validate_taint,
    run=run_taint,
)
QUOTA = Command(
    name="quota",
    summary="What other limits of a quota would refuse or let in",
    usage="whatif quota NAME --hard=RESOURCE=AMOUNT,... [-f FILENAME] [--snapshot FILE]",
    long="The quota of the namespace (a new one if there is none of that name) gets these limits: of pods, storage, numbers of "
    "objects, as in `kubelite create quota`. Then workloads that lack pods create them, and the manifests are created, as far as "
    "quotas allow.\n\n" + _ALL_AT_ONCE,
    examples=(
        ("Would ten pods be enough?", "whatif quota team --hard=pods=10,requests.cpu=4 -n web"),
        ("... and room for this?", "whatif quota team --hard=pods=10,requests.storage=20Gi -n web -f web.yaml"),
    ),
    flags=(
        *_FLAGS,
        options.FILENAME,
        options.RECURSIVE,
        Flag("hard", "The limits: RESOURCE=AMOUNT, separated by commas.", type="slice"),
    ),
    complete=complete,
    validate=_wants(1, "the name of a quota"),
    run=run_quota,
)
SNAPSHOT = Command(
    name="snapshot",
    summary="Write what decisions depend on to standard output, for --snapshot",
    usage="whatif snapshot > FILE",
    long="Nodes, pods, volumes, claims, budgets, quotas and the like as JSON: no Secrets, no ConfigMaps.",
    examples=(("Keep the state of now", "whatif snapshot"),),
    complete=complete,
    validate=_wants(0, "no arguments"),
    run=run_snapshot,
)
_MODULE = "kubelite.cmd.questions.whatif"
COMMAND = Command(
    name="whatif",
    summary="Say what would happen, without doing it: new pods, a drain, a lost node, a taint, a quota",
    usage="whatif (apply | drain | lose | taint | quota | snapshot) [options]",
    long="Uses the scheduler's own plugins and configuration on a snapshot of the cluster. Nothing is written.\n\n"
    "Each line of the answer is a pod: where it would go, or why nowhere. A pod NAME-again comes in place of NAME; <gone> does "
    "not come again, <stays> is not moved, <refused> is not let in.\n\n"
    "If the scheduler has a configuration file or user plugins, say so with --config and --plugin-dir; those that `kubelite up` "
    "was given on this machine are found.\n\n"
    "The exit code is 0 if everything would have its place, 1 if something would stay Pending, be refused or be blocked.",
    examples=(
        ("Is there room for this?", "whatif apply -f web.yaml"),
        ("May node-1 be drained, and where would its pods go?", "whatif drain node-1"),
        ("Does everything still fit if node-1 dies?", "whatif lose node-1"),
        ("The same for a script", "whatif lose node-1 -o json"),
        ("Keep the state of now, ask later or elsewhere", "whatif snapshot > cluster.json"),
        ("... without a cluster", "whatif drain node-1 --snapshot cluster.json"),
    ),
    subcommands={
        word: f"{_MODULE}:{word.upper()}" for word in ("apply", "drain", "lose", "taint", "quota", "snapshot")
    },
)
