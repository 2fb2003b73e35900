"""`api-resources`, `api-versions`, `version` and `cluster-info`: what the server is and has.

Follows kubectl/pkg/cmd/{apiresources,version,clusterinfo}.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.api.constants import KUBERNETES_VERSION
from kubelite.cli import printers
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.resources import Resource
from kubelite.cli.session import Object, Session
from kubelite.cli.tabwriter import table


@dataclass(frozen=True, slots=True)
class Options:
    """The values of the flags, by name."""

    args: tuple[str, ...]
    parsed: Parsed


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(tuple(parsed.args), parsed)


def no_arguments(opts: Options) -> None:
    if opts.args:
        raise UsageError(f"unexpected arguments: [{' '.join(opts.args)}]")


def _wanted(opts: Options, resource: Resource) -> bool:
    parsed = opts.parsed
    if "namespaced" in parsed.given and resource.namespaced != parsed.on("namespaced"):
        return False
    if "api-group" in parsed.given and resource.group != parsed.text("api-group"):
        return False
    if not resource.verbs or not set(parsed.many("verbs")) <= set(resource.verbs):
        return False
    return set(parsed.many("categories")) <= set(resource.categories)


async def run_resources(opts: Options, session: Session) -> int:
    parsed = opts.parsed
    output, order = parsed.text("output"), parsed.text("sort-by")
    if output not in ("", "wide", "name"):
        raise CliError(f"--output {output} is not available")
    if order not in ("", "name", "kind"):
        raise CliError("--sort-by accepts only name or kind")
    preferred = _preferred(list((await session.resources()).all))
    found = [resource for resource in preferred if _wanted(opts, resource)]
    found.sort(key=lambda one: _order(one, order))
    if output == "name":
        for resource in found:
            session.print(resource.name)
        return 0
    rows = [
        [
            resource.plural,
            ",".join(resource.short_names),
            resource.api_version,
            str(resource.namespaced).lower(),
            resource.kind,
        ]
        + ([",".join(sorted(resource.verbs)), ",".join(resource.categories)] if output == "wide" else [])
        for resource in found
    ]
    header = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
    header += ["VERBS", "CATEGORIES"] if output == "wide" else []
    session.write(table(None if parsed.on("no-headers") else header, rows)[0])
    return 0


def _order(resource: Resource, order: str) -> tuple[str, str]:
    if order:
        return (resource.plural if order == "name" else resource.kind), ""
    return resource.group, resource.plural


def _preferred(found: list[Resource]) -> list[Resource]:
    """Each resource once, in the first version that its group lists."""
    seen: dict[tuple[str, str], Resource] = {}
    for resource in found:
        seen.setdefault((resource.group, resource.plural), resource)
    return list(seen.values())


async def run_versions(opts: Options, session: Session) -> int:
    core = await session.json("GET", "/api")
    groups = await session.json("GET", "/apis")
    found = {str(version) for version in core.get("versions") or ()}
    found |= {version["groupVersion"] for group in groups.get("groups") or () for version in group["versions"]}
    for version in sorted(found):
        session.print(version)
    return 0


def client_version() -> Object:
    """What `version` says about this program."""
    import platform

    major, minor = KUBERNETES_VERSION.lstrip("v").split(".")[:2]
    return {
        "buildDate": "",
        "compiler": "cpython",
        "gitCommit": "",
        "gitTreeState": "",
        "gitVersion": KUBERNETES_VERSION,
        "goVersion": f"python{platform.python_version()}",
        "major": major,
        "minor": minor,
        "platform": f"linux/{platform.machine()}",
    }


async def run_version(opts: Options, session: Session) -> int:
    output = opts.parsed.text("output")
    if output not in ("", "yaml", "json"):
        raise UsageError("--output must be 'yaml' or 'json'")
    document: Object = {"clientVersion": client_version()}
    failure: Exception | None = None
    if not opts.parsed.on("client"):
        try:
            document["serverVersion"] = await session.json("GET", "/version")
        except Exception as error:  # noqa: BLE001 - the client's version is printed first, then the error is raised
            failure = error
    if output:
        session.write(printers.make(output)(document))
    else:
        session.print(f"Client Version: {document['clientVersion']['gitVersion']}")
        if "serverVersion" in document:
            session.print(f"Server Version: {document['serverVersion']['gitVersion']}")
    if failure is not None:
        raise failure
    return 0


async def run_cluster_info(opts: Options, session: Session) -> int:
    green, yellow, plain = ("\x1b[0;32m", "\x1b[0;33m", "\x1b[0m") if session.streams.out.isatty() else ("", "", "")
    session.print(f"{green}Kubernetes control plane{plain} is running at {yellow}{session.config.server}{plain}")
    answer = await session.json(
        "GET", "/api/v1/namespaces/kube-system/services", query={"labelSelector": "kubernetes.io/cluster-service=true"}
    )
    for service in answer.get("items") or ():
        metadata = service["metadata"]
        name = (metadata.get("labels") or {}).get("kubernetes.io/name") or metadata["name"]
        ports = service["spec"].get("ports") or [{}]
        suffix = f":{ports[0]['name']}" if ports[0].get("name") else ""
        link = f"{session.config.server}/api/v1/namespaces/kube-system/services/{metadata['name']}{suffix}/proxy"
        session.print(f"{green}{name}{plain} is running at {yellow}{link}{plain}")
    session.print(f"\nTo further debug and diagnose cluster problems, use '{session.program} cluster-info dump'.")
    return 0


COMMAND = Command(
    name="api-resources",
    summary="Print the supported API resources on the server",
    usage="api-resources [flags]",
    examples=(
        ("Print the supported resources", "api-resources"),
        ("Print them with more facts", "api-resources -o wide"),
        ("Print only namespaced ones", "api-resources --namespaced=true"),
        ("Print those of a group", "api-resources --api-group=rbac.authorization.k8s.io"),
    ),
    flags=(
        Flag("api-group", "Only resources of this group."),
        Flag("categories", "Only resources of these categories.", type="slice"),
        Flag("namespaced", "Only namespaced resources, or only the others.", type="bool", default=True),
        Flag("no-headers", "Don't print headers.", type="bool"),
        Flag("output", "Output format: wide or name.", short="o"),
        Flag("sort-by", "Sort by name or kind."),
        Flag("verbs", "Only resources with these verbs.", type="slice"),
    ),
    refused=("--cached",),
    complete=complete,
    validate=no_arguments,
    run=run_resources,
)
VERSIONS = Command(
    name="api-versions",
    summary='Print the supported API versions on the server, in the form of "group/version"',
    usage="api-versions",
    examples=(("Print the supported API versions", "api-versions"),),
    complete=complete,
    validate=no_arguments,
    run=run_versions,
)
VERSION = Command(
    name="version",
    summary="Print the client and server version information",
    usage="version [flags]",
    examples=(("Print both versions", "version"), ("Print only the client's", "version --client")),
    flags=(
        Flag("client", "Only the client's version (no server required).", type="bool"),
        Flag("output", "One of 'yaml' or 'json'.", short="o"),
    ),
    complete=complete,
    validate=no_arguments,
    run=run_version,
)
CLUSTER_INFO = Command(
    name="cluster-info",
    summary="Display cluster information",
    usage="cluster-info",
    examples=(("Print the address of the control plane", "cluster-info"),),
    complete=complete,
    validate=no_arguments,
    run=run_cluster_info,
)
