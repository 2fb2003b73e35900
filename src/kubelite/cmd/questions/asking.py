"""What the questions of `whatif` do: snapshot → `Simulation` with the cluster's rules → `Forecast` → the answer.

What: one function a question. Why: apart from whatif.py, which `--help` and completion load, because this loads the scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kubelite.cli import manifests
from kubelite.cli.failures import CliError
from kubelite.cli.session import Object, Session
from kubelite.cli.tabwriter import table
from kubelite.cmd.questions import answers
from kubelite.cmd.questions import snapshot as snapshots
from kubelite.cmd.questions.existing import Existing
from kubelite.cmd.questions.makers import UNWANTED, Makers
from kubelite.cmd.questions.newpods import Admission
from kubelite.cmd.questions.newquota import Resource
from kubelite.cmd.questions.places import ONLY_METADATA_OF_ALL
from kubelite.cmd.questions.rules import rules
from kubelite.cmd.questions.snapshot import Snapshot
from kubelite.cmd.questions.templates import replica_set
from kubelite.machinery.errors import StatusError
from kubelite.scheduler.forecast import Choices, Forecast

if TYPE_CHECKING:
    from kubelite.cmd.questions.whatif import Options


Taint = tuple[str, str, str, bool]
"""Key, value, effect, whether it is taken away."""


class Question:
    """One question: what it is asked about, and with what the answer is found."""

    def __init__(self, opts: Options, session: Session, snapshot: Snapshot, admission: Admission | None = None) -> None:
        self.opts, self.session, self.snapshot = opts, session, snapshot
        chosen = rules(session, opts.config, opts.plugin_dir, live=not opts.snapshot)
        self.simulation = snapshot.simulation(chosen.configuration, chosen.plugins)
        self.admission = admission or Admission(snapshot)
        self.makers = Makers(snapshot, self.admission, self.simulation)
        self.notes: list[str] = []
        self.choices = Choices()

    @property
    def namespace(self) -> str:
        return namespace_of(self.opts, self.session)

    def forecast(self) -> Forecast:
        """What is asked; after all objects were added."""
        return Forecast(self.simulation, self.choices, self.makers, self.makers.more)

    def add(self, objects: list[Object]) -> None:
        """Objects that make no pods, but say where pods go: claims, volumes, nodes, budgets."""
        for obj in objects:
            if obj.get("kind") == "Pod":
                continue
            meta = obj.get("metadata") or {}
            try:
                known = {key: value for key, value in meta.items() if value is not None}
                self.simulation.add(obj | {"metadata": {"namespace": self.namespace} | known})
            except (msgspec.ValidationError, ValueError) as error:
                raise CliError(f"{obj.get('kind')}/{meta.get('name')} cannot be read: {error}") from error

    def admitted(self, objects: list[Object]) -> list[Object]:
        """The pods of manifests; their claims are there, too."""
        known = len(self.admission.made)
        found = self.admission.pods(objects, self.namespace, self.makers.nodes_of, self.makers.order)
        self.add(self.admission.made[known:])
        self.makers.came(found)
        return found

    # what may be asked

    def drain(self, node: str) -> Forecast:
        """Raises CliError for a node that is not there, as the others do."""
        forecast = self.forecast()
        _do(forecast.drain, node)
        return forecast

    def lose(self, node: str) -> Forecast:
        forecast = self.forecast()
        _do(forecast.lose, node)
        for info in self.makers.unwanted(node, gone=True):
            forecast.drop(info, UNWANTED)
        return forecast

    def taint(self, node: str, taints: Iterable[Taint]) -> Forecast:
        forecast, opened = self.forecast(), False
        for key, value, effect, remove in taints:
            _do(forecast.taint, node, key, value, effect, remove=remove)
            opened = opened or remove
        for info in self.makers.unwanted(node):
            forecast.drop(info, UNWANTED)
        if opened:
            forecast.apply(self.admitted([one | {"kind": "Pod"} for one in self.makers.daemons(node)]))
        return forecast

    def create(self, objects: list[Object], first: list[Object] | None = None) -> Forecast:
        """Creates `first`, pods that workloads lack, then what the manifests say."""
        self.add(objects)
        existing = Existing(self.snapshot, self.namespace)
        new = [one for obj in objects if (one := existing.rest_of(obj)) is not None]
        self.notes += existing.notes
        self.makers.learn(new, self.namespace)
        self.add([replica_set(obj) for obj in new if obj.get("kind") == "Deployment"])
        pods = self.admitted([*(first or []), *new])
        for obj in objects:
            if obj.get("kind") == "Node":
                pods += self.admitted([one | {"kind": "Pod"} for one in self.makers.daemons(obj["metadata"]["name"])])
        forecast = self.forecast()
        forecast.apply(pods)
        return forecast

    def quota(self, objects: list[Object]) -> Forecast:
        """After `admission.quotas.change`: workloads that lack pods create them, then the manifests are created."""
        lacking = [one | {"kind": "Pod"} for one in self.makers.lacking(self.namespace)]
        return self.create(objects, lacking)

    def answer(self, forecast: Forecast, *, drained: str = "") -> int:
        """Shows what comes of it; the exit code."""
        result = forecast.run()
        if self.makers.contended:
            self.notes.append("Several workloads want what a quota has left: who asks first gets it")
        found = answers.Answer(result, self.admission.refused, self.notes)
        if drained:
            found.flags = answers.drain_flags(self.snapshot, result, drained)
            found.drained = drained
        return answers.show(self.opts.output, self.session, found)


def namespace_of(opts: Options, session: Session) -> str:
    """With a snapshot of a file no kubeconfig is needed."""
    return session.parsed.text("namespace") or ("default" if opts.snapshot else session.namespace)


async def taken(opts: Options, session: Session) -> Snapshot:
    """The snapshot that is asked."""
    if not opts.snapshot:
        return await snapshots.read(session)
    try:
        data = session.streams.read_stdin() if opts.snapshot == "-" else Path(opts.snapshot).read_bytes()
    except OSError as error:
        raise CliError(f"cannot read {opts.snapshot}: {error.strerror}") from error
    return snapshots.load(data, opts.snapshot)


def _objects(opts: Options, session: Session) -> list[Object]:
    return [obj for obj, _ in manifests.read(session, opts.files, opts.recursive)] if opts.files else []


def _do(action: Callable[..., None], node: str, *args: str, **more: bool) -> None:
    try:
        action(node, *args, **more)
    except KeyError as error:
        raise CliError(f'nodes "{error.args[0]}" not found') from error


async def drain(opts: Options, session: Session) -> int:
    question = Question(opts, session, await taken(opts, session))
    return question.answer(question.drain(opts.args[0]), drained=opts.args[0])


async def lose(opts: Options, session: Session) -> int:
    question = Question(opts, session, await taken(opts, session))
    return question.answer(question.lose(opts.args[0]))


async def taint(opts: Options, session: Session, taints: Iterable[Taint]) -> int:
    question = Question(opts, session, await taken(opts, session))
    return question.answer(question.taint(opts.args[0], taints))


async def apply(opts: Options, session: Session) -> int:
    question = Question(opts, session, await taken(opts, session))
    return question.answer(question.create(_objects(opts, session)))


async def quota(opts: Options, session: Session) -> int:
    snapshot, namespace, name = await taken(opts, session), namespace_of(opts, session), opts.args[0]
    hard = _limits(opts)
    admission = Admission(snapshot)
    unknown = admission.quotas.uncounted(namespace, name, hard)
    question = Question(opts, session, snapshot, admission)
    counted: dict[Resource, int] = {}
    for resource in sorted(unknown):
        number = None if opts.snapshot else await _number(session, resource, namespace)
        counted[resource] = number or 0
        if number is None:
            question.notes.append(f"How many {resource[1]} there are is not known: none is counted")
    admission.quotas.change(namespace, name, hard, counted)
    limits = admission.quotas.named(namespace, name)
    used = dict(limits.status.used)
    code = question.answer(question.quota(_objects(opts, session)))
    if not opts.output:
        rows = [[one, str(used[one]), str(limits.status.used[one]), str(hard[one])] for one in hard]
        session.write("\n" + table(["RESOURCE", "USED NOW", "USED THEN", "HARD"], rows)[0])
    return code


def _limits(opts: Options) -> dict[str, str]:
    from kubelite.machinery import quantity

    hard: dict[str, str] = {}
    for text in opts.hard:
        name, equals, amount = text.partition("=")
        if not equals or not name or not amount:
            raise CliError(f'invalid argument "{text}" for --hard: it is RESOURCE=AMOUNT')
        try:
            quantity.nano(amount)
        except ValueError as error:
            raise CliError(f'invalid argument "{text}" for --hard: {error}') from error
        hard[name] = amount
    if not hard:
        raise CliError("say the limits with --hard=RESOURCE=AMOUNT,...")
    return hard


async def _number(session: Session, resource: Resource, namespace: str) -> int | None:
    """How many objects of a resource the namespace has; None where that cannot be read."""
    group, plural = resource
    try:
        found: Any = (await session.resources()).named(f"{plural}.{group}" if group else plural)
        answer = await session.json("GET", found.path(namespace), headers=ONLY_METADATA_OF_ALL)
    except (StatusError, CliError):
        return None
    return len(answer.get("items") or ())
