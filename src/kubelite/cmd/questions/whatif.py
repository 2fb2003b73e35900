"""`kubelite whatif`: what would happen, by the scheduler's own plugins and configuration, on a snapshot; nothing is written.

Flow: snapshot (API or --snapshot) → `Simulation` → `Forecast` action → `run` → a table, JSON or YAML. Exit code: 0 everything
would have a place, 1 something would stay Pending, be refused or be blocked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kubelite.cli import manifests, options, printers
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.session import Object, Session
from kubelite.cli.tabwriter import table
from kubelite.cmd.questions import snapshot as snapshots
from kubelite.cmd.questions.newpods import Admission
from kubelite.cmd.questions.snapshot import Snapshot
from kubelite.scheduler.config.load import ConfigurationError, load
from kubelite.scheduler.config.types import Configuration
from kubelite.scheduler.forecast import Forecast, Result

API_VERSION = "kubelite.io/v1alpha1"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
SHOWN_EQUAL = 3


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked. `args`: what follows the action."""

    args: tuple[str, ...]
    files: tuple[str, ...] = ()
    recursive: bool = False
    snapshot: str = ""
    config: str = ""
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


def _validate_apply(opts: Options) -> None:
    _wants(0, "no arguments, only -f FILENAME")(opts)
    if not opts.files:
        raise CliError("must specify what would be applied with -f FILENAME")


async def _snapshot(opts: Options, session: Session) -> Snapshot:
    if not opts.snapshot:
        return await snapshots.read(session)
    try:
        data = session.streams.read_stdin() if opts.snapshot == "-" else Path(opts.snapshot).read_bytes()
    except OSError as error:
        raise CliError(f"cannot read {opts.snapshot}: {error.strerror}") from error
    return snapshots.load(data, opts.snapshot)


def _configuration(opts: Options) -> Configuration | None:
    if not opts.config:
        return None
    try:
        found = load(Path(opts.config).read_bytes())
    except (OSError, ConfigurationError) as error:
        raise CliError(f"{opts.config}: {error}") from error
    if found.extenders:
        raise CliError(f"{opts.config} has extenders, whose answers whatif cannot know")
    return found


def _objects(opts: Options, session: Session) -> list[Object]:
    return [obj for obj, _ in manifests.read(session, opts.files, opts.recursive)] if opts.files else []


def _namespace(opts: Options, session: Session) -> str:
    """With a snapshot of a file no kubeconfig is needed."""
    return session.parsed.text("namespace") or ("default" if opts.snapshot else session.namespace)


async def _ask(opts: Options, session: Session, action: Callable[[Forecast], None]) -> int:
    snapshot = await _snapshot(opts, session)
    forecast = Forecast(snapshot.simulation(_configuration(opts)))
    try:
        action(forecast)
    except KeyError as error:
        raise CliError(f'nodes "{error.args[0]}" not found') from error
    return _show(opts, session, forecast.run(), {})


async def run_drain(opts: Options, session: Session) -> int:
    return await _ask(opts, session, lambda forecast: forecast.drain(opts.args[0]))


async def run_lose(opts: Options, session: Session) -> int:
    return await _ask(opts, session, lambda forecast: forecast.lose(opts.args[0]))


def taint_of(text: str) -> tuple[str, str, str, bool]:
    """(key, value, effect, whether it is taken away) of `k=v:Effect`, `k:Effect`, `k:Effect-`, `k-`. Raises CliError."""
    remove, body = text.endswith("-"), text.removesuffix("-")
    pair, _, effect = body.partition(":")
    key, _, value = pair.partition("=")
    if not key or (effect not in EFFECTS and not (remove and not effect)):
        raise CliError(f"invalid taint spec: {text}; it is KEY[=VALUE]:EFFECT, with one of {', '.join(EFFECTS)}")
    return key, value, effect, remove


async def run_taint(opts: Options, session: Session) -> int:
    key, value, effect, remove = taint_of(opts.args[1])
    return await _ask(opts, session, lambda forecast: forecast.taint(opts.args[0], key, value, effect, remove=remove))


async def run_apply(opts: Options, session: Session) -> int:
    snapshot = await _snapshot(opts, session)
    return _create(opts, session, snapshot, Admission(snapshot), _objects(opts, session))


def _create(opts: Options, session: Session, snapshot: Snapshot, admission: Admission, objects: list[Object]) -> int:
    simulation, namespace = snapshot.simulation(_configuration(opts)), _namespace(opts, session)
    for obj in objects:
        # A claim, a volume, a node: no pods, but where pods go depends on them.
        if obj.get("kind") != "Pod":
            meta = obj.get("metadata") or {}
            try:
                simulation.add(obj | {"metadata": {"namespace": namespace} | meta})
            except (msgspec.ValidationError, ValueError) as error:
                raise CliError(f"{obj.get('kind')}/{meta.get('name')} cannot be read: {error}") from error
    forecast = Forecast(simulation)
    forecast.apply(admission.pods(objects, namespace, sorted(simulation.world.nodes.index)))
    return _show(opts, session, forecast.run(), admission.refused)


async def run_quota(opts: Options, session: Session) -> int:
    snapshot, namespace = await _snapshot(opts, session), _namespace(opts, session)
    hard = {}
    for text in opts.hard:
        name, equals, amount = text.partition("=")
        if not equals or not name or not amount:
            raise CliError(f'invalid argument "{text}" for --hard: it is RESOURCE=AMOUNT')
        hard[name] = amount
    admission = Admission(snapshot, {(namespace, opts.args[0]): hard})
    objects = [*_objects(opts, session), *_lacking(snapshot, namespace)]
    quota = next(one for one in admission.quotas[namespace] if one.metadata.name == opts.args[0])
    used = dict(quota.status.used)
    code = _create(opts, session, snapshot, admission, objects)
    if not opts.output:
        rows = [
            [name, str(used.get(name, "0")), str(quota.status.used.get(name, "0")), str(hard[name])] for name in hard
        ]
        session.write("\n" + table(["RESOURCE", "USED NOW", "USED THEN", "HARD"], rows)[0])
    return code


def _lacking(snapshot: Snapshot, namespace: str) -> list[Object]:
    """What workloads of the namespace would create now if they were allowed to."""
    found = []
    for kind in ("ReplicaSet", "StatefulSet"):
        for obj in snapshot.typed(kind, dict):
            if obj["metadata"].get("namespace") != namespace:
                continue
            wanted = int(obj["spec"].get("replicas", 1)) - int((obj.get("status") or {}).get("replicas") or 0)
            if wanted > 0:
                name = f"{obj['metadata']['name']}-new"
                spec = {**obj["spec"], "replicas": wanted}
                found.append({"kind": kind, "metadata": {**obj["metadata"], "name": name}, "spec": spec})
    return found


async def run_snapshot(opts: Options, session: Session) -> int:
    session.streams.write_bytes((await snapshots.read(session)).saved() + b"\n")
    return 0


# --- what is shown ----------------------------------------------------------------------------------------------------


def _show(opts: Options, session: Session, result: Result, refused: dict[str, str]) -> int:
    if opts.output:
        session.write(printers.make(opts.output, typed=True)(shown(result, refused)))
    else:
        session.write(text(result, refused))
    pending = any(not outcome.node for outcome in result.pods)
    return int(pending or bool(refused) or bool(result.blocked))


def text(result: Result, refused: dict[str, str]) -> str:
    """For people."""
    rows = []
    for outcome in result.pods:
        note = ", ".join(f"instead of {name}" for name in (outcome.instead_of,) if name)
        if outcome.equal:
            others = [name for name in outcome.equal if name != outcome.node]
            more = f" and {len(others) - SHOWN_EQUAL} more" if len(others) > SHOWN_EQUAL else ""
            note = ", ".join(
                part for part in (note, f"or {', '.join(others[:SHOWN_EQUAL])}{more}: equally good") if part
            )
        if outcome.victims:
            note = ", ".join(part for part in (note, f"preempts {', '.join(outcome.victims)}") if part)
        rows.append([outcome.pod, outcome.node or "<none>", outcome.why or note])
    rows += [[key, "<refused>", why] for key, why in refused.items()]
    rows += [[key, "<stays>", f"cannot be evicted: {why}"] for key, why in result.blocked.items()]
    rows += [[key, "<gone>", "nobody makes it again"] for key in result.gone]
    rows += [[key, "<gone>", f"preempted by {by}"] for key, by in result.preempted.items()]
    rows += [[key, "<stays>", "daemon sets' and static pods are not drained"] for key in result.stay]
    if not rows:
        return "No pod would move.\n"
    placed = sum(1 for outcome in result.pods if outcome.node)
    summary = f"{placed} placed, {len(result.pods) - placed} pending"
    for count, word in ((len(refused), "refused"), (len(result.blocked), "blocked"), (len(result.gone), "gone")):
        summary += f", {count} {word}" if count else ""
    if result.depends_on_timing:
        summary += ". Several pods preempt at once: who gets which room depends on which victims stop first"
    return f"{table(['POD', 'NODE', 'WHY'], rows)[0]}{summary}. Nothing was written.\n"


def shown(result: Result, refused: dict[str, str]) -> Object:
    """For programs."""
    pods: list[Object] = []
    for outcome in result.pods:
        one: Object = {"pod": outcome.pod, "node": outcome.node}
        more = {"equal": list(outcome.equal), "why": outcome.why, "insteadOf": outcome.instead_of}
        pods.append(one | {k: v for k, v in (more | {"victims": list(outcome.victims)}).items() if v})
    return {
        "apiVersion": API_VERSION,
        "kind": "Forecast",
        "pods": pods,
        "refused": refused,
        "blocked": result.blocked,
        "preempted": result.preempted,
        "dependsOnTiming": result.depends_on_timing,
        "gone": result.gone,
        "stay": result.stay,
    }


# --- commands ---------------------------------------------------------------------------------------------------------

_FLAGS = (
    Flag("snapshot", "Ask a file that `whatif snapshot` wrote instead of the cluster; - for stdin."),
    Flag("config", "A KubeSchedulerConfiguration file, as the scheduler's --config."),
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
    long="Pods, and what makes pods: deployments, replica sets, stateful sets, daemon sets, jobs; all their replicas count as "
    "new. Nodes, volumes, claims and budgets in the files are added first. Limit ranges, priority classes and quotas count.\n\n"
    + _ALL_AT_ONCE,
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
    long="The node is cordoned and its pods evicted as far as disruption budgets allow at this moment; what controllers make "
    "again is placed.\n\n" + _ALL_AT_ONCE,
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
    summary="What a taint on a node, or its removal, would move",
    usage="whatif taint NODE KEY[=VALUE]:EFFECT[-] [--snapshot FILE] [--config FILE]",
    long="NoExecute drives out pods that do not tolerate it; a taint that goes may let pending pods in.\n\n"
    + _ALL_AT_ONCE,
    examples=(
        ("Keep node-1 for one team", "whatif taint node-1 team=a:NoExecute"),
        ("Open it again", "whatif taint node-1 team-"),
    ),
    flags=_FLAGS,
    complete=complete,
    validate=_wants(2, "a node and a taint"),
    run=run_taint,
)
QUOTA = Command(
    name="quota",
    summary="What other limits of a quota would refuse or let in",
    usage="whatif quota NAME --hard=RESOURCE=AMOUNT,... [-f FILENAME] [--snapshot FILE]",
    long="The quota of the namespace (a new one if there is none of that name) gets these limits. Then replica sets and stateful "
    "sets that lack replicas create them, and the manifests are created, as far as quotas allow.\n\n" + _ALL_AT_ONCE,
    examples=(("Would ten pods be enough?", "whatif quota team --hard=pods=10,requests.cpu=4 -n web"),),
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
    "The exit code is 0 if everything would have its place, 1 if something would stay Pending, be refused or be blocked.",
    subcommands={
        word: f"{_MODULE}:{word.upper()}" for word in ("apply", "drain", "lose", "taint", "quota", "snapshot")
    },
)
