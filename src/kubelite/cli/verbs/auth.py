"""`auth can-i` and `auth whoami`: what the server lets us do, and who it takes us for.

Follows kubectl/pkg/cmd/auth.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.cli import options, printers
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, Silent, UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import outcome
from kubelite.cli.session import Object, Session
from kubelite.cli.tabwriter import table
from kubelite.machinery.errors import StatusError

GROUP = "/apis/authorization.k8s.io/v1"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@dataclass(frozen=True, slots=True)
class Options:
    """The question."""

    args: tuple[str, ...]
    subresource: str
    list: bool
    quiet: bool
    all_namespaces: bool
    no_headers: bool


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(
        tuple(parsed.args),
        parsed.text("subresource"),
        parsed.on("list"),
        parsed.on("quiet"),
        parsed.on("all-namespaces"),
        parsed.on("no-headers"),
    )


def validate(opts: Options) -> None:
    if opts.list:
        if opts.quiet or opts.args or opts.subresource:
            raise CliError("list option can't be specified with neither quiet option nor arguments")
        return
    if len(opts.args) not in (2, 3):
        raise UsageError(
            "you must specify two arguments: verb resource or verb resource/resourceName.\n"
            "See 'kubelite auth can-i -h' for help and examples."
        )
    if opts.args[1].startswith("/") and opts.subresource:
        raise CliError("--subresource can not be used with NonResourceURL")


async def run(opts: Options, session: Session) -> int:
    namespace = "" if opts.all_namespaces else session.namespace
    if opts.list:
        return await _list(opts, session, namespace)
    spec = await _spec(opts, session, namespace)
    body = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": spec}
    answer = await session.json("POST", f"{GROUP}/selfsubjectaccessreviews", body=body)
    status = answer.get("status") or {}
    if not opts.quiet:
        text = "yes" if status.get("allowed") else "no"
        if not status.get("allowed") and status.get("reason"):
            text += f" - {status['reason']}"
        session.print(text)
    if not status.get("allowed"):
        raise Silent(1)
    return 0


async def _spec(opts: Options, session: Session, namespace: str) -> Object:
    verb, what = opts.args[0], opts.args[1]
    if what.startswith("/"):
        return {"nonResourceAttributes": {"verb": verb, "path": what}}
    word, _, name = what.partition("/")
    if len(opts.args) == 3:
        name = opts.args[2]
    group, plural = "", word
    if word != "*":
        try:
            found = (await session.resources()).named(word)
            group, plural = found.group, found.plural
            if not found.namespaced:
                if not opts.all_namespaces:
                    session.warn(
                        f"Warning: resource '{found.plural}' is not namespace scoped"
                        + (f" in group '{found.group}'" if found.group else "")
                        + "\n"
                    )
                namespace = ""
        except CliError:
            plural, _, group = word.partition(".")
            where = f" in group '{group}'" if group else ""
            session.warn(f"Warning: the server doesn't have a resource type '{plural}'{where}\n")
    attributes = {
        "namespace": namespace,
        "verb": verb,
        "group": group,
        "resource": plural,
        "subresource": opts.subresource,
        "name": name,
    }
    if word == "*":
        attributes["group"] = "*"
    return {"resourceAttributes": {key: value for key, value in attributes.items() if value}}


async def _list(opts: Options, session: Session, namespace: str) -> int:
    body = {"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "spec": {"namespace": namespace}}
    status = (await session.json("POST", f"{GROUP}/selfsubjectrulesreviews", body=body)).get("status") or {}
    if status.get("incomplete"):
        session.warn(f"warning: the list may be incomplete: {status.get('evaluationError', '')}")
    from kubelite.cli.describe.simple import rule_rows

    rules = [*(status.get("resourceRules") or ()), *(status.get("nonResourceRules") or ())]
    rows = [row.split("\t") for row in rule_rows(rules)]
    header = None if opts.no_headers else ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]
    session.write(table(header, rows)[0])
    return 0


def _brackets(values: list[str] | None) -> str:
    return f"[{' '.join(values or ())}]"


@dataclass(frozen=True, slots=True)
class WhoOptions:
    """How to print."""

    printer: printers.Printer | None


def complete_who(parsed: Parsed, session: Session) -> WhoOptions:
    return WhoOptions(outcome(parsed).printer)


async def run_who(opts: WhoOptions, session: Session) -> int:
    body = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
    try:
        answer = await session.json("POST", WHO, body=body)
    except StatusError as error:
        if error.code == 404:
            raise CliError("the selfsubjectreviews API is not enabled in the cluster") from error
        raise
    if opts.printer is not None:
        session.write(opts.printer(answer))
        return 0
    user = (answer.get("status") or {}).get("userInfo") or {}
    rows = [["Username", str(user.get("username", ""))]]
    if user.get("uid"):
        rows.append(["UID", user["uid"]])
    if user.get("groups"):
        rows.append(["Groups", _brackets(user["groups"])])
    for key in sorted(user.get("extra") or {}):
        rows.append([f"Extra: {key}", _brackets(user["extra"][key])])
    session.write(table(["ATTRIBUTE", "VALUE"], rows)[0])
    return 0


CAN_I = Command(
    name="can-i",
    summary="Check whether an action is allowed",
    usage="auth can-i VERB [TYPE | TYPE/NAME | NONRESOURCEURL]",
    examples=(
        ("May I create pods in any namespace?", "auth can-i create pods --all-namespaces"),
        ("May I list deployments here?", "auth can-i list deployments.apps"),
        ("May I read the logs of pods?", "auth can-i get pods --subresource=log"),
        ("What may I do?", "auth can-i --list"),
    ),
    flags=(
        options.ALL_NAMESPACES,
        Flag("list", "Print all allowed actions.", type="bool"),
        Flag("no-headers", "Print allowed actions without headers.", type="bool"),
        Flag("quiet", "Only the exit code.", short="q", type="bool"),
        Flag("subresource", "A subresource such as log or scale."),
    ),
    complete=complete,
    validate=validate,
    run=run,
)
WHOAMI = Command(
    name="whoami",
    summary="Experimental: Check self subject attributes",
    usage="auth whoami",
    examples=(("Who am I?", "auth whoami"), ("Who am I, as JSON?", "auth whoami -o json")),
    flags=options.PRINT,
    complete=complete_who,
    run=run_who,
)
COMMAND = Command(
    name="auth",
    summary="Inspect authorization",
    usage="auth",
    subcommands={
        "can-i": "kubelite.cli.verbs.auth:CAN_I",
        "reconcile": "kubelite.cli.verbs.reconcile:COMMAND",
        "whoami": "kubelite.cli.verbs.auth:WHOAMI",
    },
)
