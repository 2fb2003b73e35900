"""`create rolebinding` and `create clusterrolebinding`."""

from __future__ import annotations

from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.generators.base import generator, metadata, one_name
from kubelite.cli.session import Object

GROUP = "rbac.authorization.k8s.io"


def _subjects(parsed: Parsed) -> list[Object]:
    found: list[Object] = [
        {"kind": kind, "apiGroup": GROUP, "name": name}
        for kind, flag in (("User", "user"), ("Group", "group"))
        for name in parsed.many(flag)
    ]
    for text in parsed.many("serviceaccount"):
        namespace, colon, name = text.partition(":")
        if not colon or not namespace or not name:
            raise CliError("serviceaccount must be <namespace>:<name>")
        found.append({"kind": "ServiceAccount", "name": name, "namespace": namespace})
    return found


def _binding(kind: str, parsed: Parsed, role_kind: str, role: str) -> Object:
    obj: Object = {"kind": kind, "apiVersion": f"{GROUP}/v1", "metadata": metadata(one_name(parsed))}
    subjects = _subjects(parsed)
    if subjects:
        obj["subjects"] = subjects
    return obj | {"roleRef": {"apiGroup": GROUP, "kind": role_kind, "name": role}}


def role_binding(parsed: Parsed) -> Object:
    cluster_role, role = parsed.text("clusterrole"), parsed.text("role")
    if bool(cluster_role) == bool(role):
        raise CliError("exactly one of clusterrole or role must be specified")
    return _binding("RoleBinding", parsed, "ClusterRole" if cluster_role else "Role", cluster_role or role)


def cluster_role_binding(parsed: Parsed) -> Object:
    if not parsed.text("clusterrole"):
        raise CliError('required flag(s) "clusterrole" not set')
    return _binding("ClusterRoleBinding", parsed, "ClusterRole", parsed.text("clusterrole"))


_SUBJECTS = (
    Flag("user", "Users to bind to the role.", type="array"),
    Flag("group", "Groups to bind to the role.", type="array"),
    Flag("serviceaccount", "Service accounts to bind, as <namespace>:<name>.", type="array"),
    Flag("clusterrole", "The cluster role to reference."),
)
ROLE_BINDING = generator(
    "rolebinding",
    "Create a role binding for a particular role or cluster role",
    "create rolebinding NAME --clusterrole=NAME|--role=NAME [--user=username] [--group=groupname]",
    role_binding,
    flags=(*_SUBJECTS, Flag("role", "The role to reference.")),
    examples=(("Bind a user to a cluster role", "create rolebinding admin --clusterrole=admin --user=user1"),),
)
CLUSTER_ROLE_BINDING = generator(
    "clusterrolebinding",
    "Create a cluster role binding for a particular cluster role",
    "create clusterrolebinding NAME --clusterrole=NAME [--user=username] [--group=groupname]",
    cluster_role_binding,
    namespaced=False,
    flags=_SUBJECTS,
    examples=(("Bind a group", "create clusterrolebinding cluster-admin --clusterrole=cluster-admin --group=group1"),),
)
