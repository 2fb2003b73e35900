"""`kubelite why`: what is the matter with an object, in plain words, and the one command to type next.

Flow: arguments → `Reader` (the API) → `explain` (pure rules) → text, JSON or YAML. Exit code: 0 all is well, 1 something is not,
2 the question could not be answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubelite.api.logic.why.explain import KINDS, explain
from kubelite.api.logic.why.model import Answer, Cause, Object
from kubelite.cli import options, printers
from kubelite.cli.builder import split_args
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, PlainError, report
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.session import Session
from kubelite.cmd.questions import rules
from kubelite.cmd.questions.places import CLUSTER_WIDE, PLACES
from kubelite.cmd.questions.reader import Reader
from kubelite.machinery.errors import StatusError

API_VERSION = "kubelite.io/v1alpha1"
_SHORT = {
    "po": "Pod",
    "no": "Node",
    "svc": "Service",
    "pvc": "PersistentVolumeClaim",
    "ns": "Namespace",
    "deploy": "Deployment",
    "rs": "ReplicaSet",
    "sts": "StatefulSet",
    "ds": "DaemonSet",
    "rc": "ReplicationController",
    "cj": "CronJob",
    "hpa": "HorizontalPodAutoscaler",
    "pdb": "PodDisruptionBudget",
}
_WORDS = _SHORT | {word: kind for kind in KINDS for word in (kind.lower(), PLACES[kind][1])}


@dataclass(frozen=True, slots=True)
class Options:
    """`targets`: (kind, name) pairs; no name for all objects of the kind that are not well."""

    targets: tuple[tuple[str, str], ...]
    all_namespaces: bool
    output: str
    config: str = ""
    plugin_dir: str = ""


def _kind(word: str) -> str:
    kind = _WORDS.get(word.lower().partition(".")[0])
    if kind is None:
        known = ", ".join(PLACES[kind][1] for kind in KINDS)
        raise CliError(f'why knows nothing about "{word}"; it knows {known}', 2)
    return kind


def complete(parsed: Parsed, session: Session) -> Options:
    types, names, pairs = split_args(parsed.args or ["pods"])
    if pairs:
        targets = [(_kind(word), name) for word, name in pairs]
    else:
        targets = [(_kind(word), name) for word in types.split(",") for name in names or [""]]
    text = parsed.text
    return Options(tuple(targets), parsed.on("all-namespaces"), text("output"), text("config"), text("plugin-dir"))


def validate(opts: Options) -> None:
    if opts.output not in ("", "json", "yaml"):
        raise CliError(
            f'unable to match a printer suitable for the output format "{opts.output}", allowed: json,yaml', 2
        )
    if opts.all_namespaces and any(name for _, name in opts.targets):
        raise CliError("a resource cannot be retrieved by name across all namespaces", 2)


async def run(opts: Options, session: Session) -> int:
    try:
        answers = [answer for target in opts.targets for answer in await _answers(opts, session, *target)]
    except StatusError as error:
        raise PlainError("\n".join(report(error)[0]), 2) from error
    named = any(name for _, name in opts.targets)
    if opts.output:
        items = [shown(answer) for answer in answers]
        single = named and len(items) == 1
        whole = items[0] if single else {"apiVersion": API_VERSION, "kind": "ExplanationList", "items": items}
        session.write(printers.make(opts.output, typed=True)(whole))
    elif named:
        session.write("\n".join(text(answer) for answer in answers))
    else:
        _one_line_each(session, opts, answers)
    return int(any(answer.causes for answer in answers))


async def _answers(opts: Options, session: Session, kind: str, name: str) -> list[Answer]:
    reader = Reader(session, opts.config, opts.plugin_dir)
    namespace = "" if kind in CLUSTER_WIDE or opts.all_namespaces else session.namespace
    if name:
        return [explain(await reader.about(kind, namespace, name), kind, namespace, name)]
    facts = await reader.all_of(kind, namespace)
    keys = sorted(key for key in facts.objects if key[0] == kind)
    answers = [explain(facts, *key) for key in keys if not namespace or key[1] == namespace]
    return [answer for answer in answers if answer.causes]


def _one_line_each(session: Session, opts: Options, answers: list[Answer]) -> None:
    if not answers:
        kinds = ", ".join(PLACES[kind][1] for kind, _ in opts.targets)
        session.print(f"All is well with the {kinds}.")
    for answer in answers:
        cause = answer.causes[0].root
        where = f"{answer.namespace}/" if opts.all_namespaces and answer.namespace else ""
        session.print(f"{where}{answer.kind.lower()}/{answer.name}: {answer.state}: {cause.code}: {cause.text}")


def text(answer: Answer) -> str:
    """The answer for people."""
    head = f"{answer.kind.lower()}/{answer.name}: {answer.state}"
    if not answer.causes:
        return f"{head}. Nothing is the matter.\n"
    lines = [head]
    for cause in answer.causes:
        lines += _chain(cause, "- ")
    if answer.next:
        lines.append(f"Next: {answer.next}")
    return "\n".join(lines) + "\n"


def _chain(cause: Cause, mark: str) -> Iterator[str]:
    yield f"{mark}{cause.text}."
    for detail in cause.details:
        yield f"    {detail}"
    if cause.because is not None:
        yield from _chain(cause.because, "  because ")


def shown(answer: Answer) -> Object:
    """The answer for programs. `cause` is the code of the deepest cause of the first chain."""
    about = {"kind": answer.kind, "namespace": answer.namespace, "name": answer.name, "uid": answer.uid}
    return {
        "apiVersion": API_VERSION,
        "kind": "Explanation",
        "object": {key: value for key, value in about.items() if value},
        "state": answer.state,
        "healthy": not answer.causes,
        "cause": answer.causes[0].root.code if answer.causes else "",
        "causes": [_shown(cause) for cause in answer.causes],
        "next": answer.next,
    }


def _shown(cause: Cause) -> Object:
    found: Object = {"code": cause.code, "text": cause.text}
    if cause.details:
        found["details"] = list(cause.details)
    if cause.step:
        found["step"] = cause.step
    if cause.because is not None:
        found["because"] = _shown(cause.because)
    return found


COMMAND = Command(
    name="why",
    summary="Explain what is the matter with an object, and what to do next",
    usage="why [(TYPE/NAME | TYPE [NAME]) ...] [-A] [-o json|yaml]",
    long="Follows the chain of causes from the object down to what has to change: events, conditions, the objects it depends on, "
    "and for a pod without node the scheduler's own rules.\n\n"
    "A TYPE without NAME lists every object of that type that is not well, in a line each; without arguments it lists pods. "
    "Types: pods, nodes, services, persistentvolumeclaims, namespaces, deployments, replicasets, statefulsets, daemonsets, "
    "jobs, replicationcontrollers, cronjobs, horizontalpodautoscalers, poddisruptionbudgets.\n\n"
    "`Next:` is one command to type; words in capitals in it (NAME, IMAGE) are yours to fill in.\n\n"
    "If the scheduler has a configuration file or user plugins, say so with --config and --plugin-dir; those that `kubelite up` "
    "was given on this machine are found.\n\n"
    "Only reads. The exit code is 0 if all is well, 1 if something is not, 2 if that could not be found out.",
    examples=(
        ("Why does this pod not run?", "why pod/web-5d7c9"),
        ("Why has this deployment not all its replicas?", "why deployment web"),
        ("Why does nobody answer behind this service?", "why service/web"),
        ("Every pod of the cluster that is not well, in a line each", "why pods -A"),
        ("For a script: the code of the cause", "why pvc/data -o json"),
    ),
    flags=(
        options.ALL_NAMESPACES,
        Flag("output", "Output format: json or yaml.", short="o"),
        *rules.FLAGS,
    ),
    complete=complete,
    validate=validate,
    run=run,
)
