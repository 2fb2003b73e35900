"""`create role` and `create clusterrole`: rules from verbs and resources.

Resources are looked up on the server, which says the group of each. Follows kubectl/pkg/cmd/create/create_role.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.cli import options
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.generators import base
from kubelite.cli.outcome import Outcome, outcome
from kubelite.cli.session import Object, Session


@dataclass(frozen=True, slots=True)
class Options:
    """What the role allows."""

    name: str
    cluster: bool
    verbs: tuple[str, ...]
    resources: tuple[str, ...]
    names: tuple[str, ...]
    urls: tuple[str, ...]
    aggregation: tuple[str, ...]
    save_config: bool
    outcome: Outcome


def _complete(parsed: Parsed, session: Session) -> Options:
    verbs = tuple(dict.fromkeys(parsed.many("verb")))
    return Options(
        name=base.one_name(parsed),
        cluster="non-resource-url" in parsed.values,
        verbs=("*",) if "*" in verbs else verbs,
        resources=parsed.many("resource"),
        names=parsed.many("resource-name"),
        urls=tuple(parsed.values.get("non-resource-url", ())),
        aggregation=tuple(parsed.values.get("aggregation-rule", ())),
        save_config=parsed.on("save-config"),
        outcome=outcome(parsed, typed=parsed.text("dry-run") == "client"),
    )


def _validate(opts: Options) -> None:
    if opts.aggregation:
        if opts.verbs or opts.resources or opts.urls:
            raise CliError("aggregation rule must be specified without nonResourceURLs, resources and verbs")
        return
    if not opts.verbs:
        raise CliError("at least one verb must be specified")
    if not opts.resources and not opts.urls:
        raise CliError(
            "one of resource or nonResourceURL must be specified"
            if opts.cluster
            else "at least one resource must be specified"
        )
    if opts.resources and opts.urls:
        raise CliError("nonResourceURL can not be specified together with resource")


async def _rules(opts: Options, session: Session) -> list[Object]:
    if opts.urls:
        return [{"verbs": list(opts.verbs), "nonResourceURLs": list(opts.urls)}]
    known = await session.resources()
    groups: dict[str, list[str]] = {}
    for text in opts.resources:
        word, _, subresource = text.partition("/")
        if word == "*":
            groups.setdefault("", []).append(text)
            continue
        name, _, group = word.partition(".")
        try:
            found = known.named(word)
            plural, group = found.plural, found.group
        except CliError:
            if not group:
                raise
            plural = name
        groups.setdefault(group, []).append(f"{plural}/{subresource}" if subresource else plural)
    return [
        {"verbs": list(opts.verbs), "apiGroups": [group], "resources": resources}
        | ({"resourceNames": list(opts.names)} if opts.names else {})
        for group, resources in groups.items()
    ]


async def _run(opts: Options, session: Session) -> int:
    kind = "ClusterRole" if opts.cluster else "Role"
    metadata = base.metadata(opts.name)
    if not opts.cluster and session.namespace_given:
        metadata["namespace"] = session.namespace
    obj: Object = {"kind": kind, "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
    if opts.aggregation:
        labels = base.pairs(opts.aggregation, "aggregation rule")
        obj |= {"rules": None, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": labels}]}}
    else:
        obj["rules"] = await _rules(opts, session)
    return await base.post(base.Options(obj, not opts.cluster, opts.save_config, opts.outcome), session)


_COMMON = (
    Flag("verb", "Verbs that apply to the resources of the rule.", type="slice"),
    Flag("resource", "Resources that the rule applies to.", type="slice"),
    Flag("resource-name", "Names that the rule is limited to.", type="array"),
    *options.PRINT,
    options.DRY_RUN,
    options.VALIDATE,
    options.field_manager("kubectl-create"),
    Flag("save-config", "Keep the configuration in the object's annotation, for a later apply.", type="bool"),
)
ROLE = Command(
    name="role",
    summary="Create a role with single rule",
    usage="create role NAME --verb=verb --resource=resource.group/subresource [--resource-name=resourcename]",
    examples=(("Allow to read pods", "create role pod-reader --verb=get --verb=list --verb=watch --resource=pods"),),
    flags=_COMMON,
    complete=_complete,
    validate=_validate,
    run=_run,
)
CLUSTER_ROLE = Command(
    name="clusterrole",
    summary="Create a cluster role",
    usage="create clusterrole NAME --verb=verb --resource=resource.group [--resource-name=resourcename]",
    examples=(
        ("Allow to read pods", "create clusterrole pod-reader --verb=get,list,watch --resource=pods"),
        ("Allow to get a URL", 'create clusterrole foo --verb=get --non-resource-url="/logs/*"'),
    ),
    flags=(
        *_COMMON,
        Flag("non-resource-url", "A partial URL that the user may access.", type="slice"),
        Flag("aggregation-rule", "A label of the cluster roles to combine: key=value.", type="slice"),
    ),
    complete=_complete,
    validate=_validate,
    run=_run,
)
