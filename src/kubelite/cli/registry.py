"""The verbs: word → module, group and summary. The only list of them.

What: `VERBS` in the order of `--help`; a verb without module is one of kubectl's that is refused by name. Why: help, dispatch
and completion read the same table without importing any verb.
"""

from __future__ import annotations

from typing import NamedTuple

BEGINNER = "Basic Commands (Beginner)"
INTERMEDIATE = "Basic Commands (Intermediate)"
DEPLOY = "Deploy Commands"
CLUSTER = "Cluster Management Commands"
TROUBLE = "Troubleshooting and Debugging Commands"
ADVANCED = "Advanced Commands"
SETTINGS = "Settings Commands"
OTHER = "Other Commands"
REFUSED = "Not supported"


class Verb(NamedTuple):
    """`where` is "module:CONSTANT", "" for a verb that is refused."""

    where: str
    group: str
    summary: str


def _verb(module: str, group: str, summary: str) -> Verb:
    return Verb(f"kubelite.cli.verbs.{module}:COMMAND", group, summary)


def _refused(summary: str) -> Verb:
    return Verb("", REFUSED, summary)


VERBS: dict[str, Verb] = {
    "expose": _verb(
        "expose",
        BEGINNER,
        "Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service",
    ),
    "run": _verb("run", BEGINNER, "Run a particular image on the cluster"),
    "set": _verb("set", BEGINNER, "Set specific features on objects"),
    "create": _verb("create", BEGINNER, "Create a resource from a file or from stdin"),
    "get": _verb("get", INTERMEDIATE, "Display one or many resources"),
    "delete": _verb(
        "delete",
        INTERMEDIATE,
        "Delete resources by file names, stdin, resources and names, or by resources and label selector",
    ),
    "describe": _verb("describe", TROUBLE, "Show details of a specific resource or group of resources"),
    "rollout": _verb("rollout", DEPLOY, "Manage the rollout of a resource"),
    "scale": _verb("scale", DEPLOY, "Set a new size for a deployment, replica set, or replication controller"),
    "attach": Verb("kubelite.cli.verbs.exec:ATTACH", TROUBLE, "Attach to a running container"),
    "exec": _verb("exec", TROUBLE, "Execute a command in a container"),
    "port-forward": _verb("portforward", TROUBLE, "Forward one or more local ports to a pod"),
    "cp": _verb("cp", TROUBLE, "Copy files and directories to and from containers"),
    "logs": _verb("logs", TROUBLE, "Print the logs for a container in a pod"),
    "apply": _verb("apply", ADVANCED, "Apply a configuration to a resource by file name or stdin"),
    "label": _verb("label", SETTINGS, "Update the labels on a resource"),
    "annotate": Verb("kubelite.cli.verbs.label:ANNOTATE", SETTINGS, "Update the annotations on a resource"),
}

ALIASES: dict[str, str] = {}
SUBCOMMAND_ALIASES: dict[str, str] = {
    "ns": "namespace",
    "sa": "serviceaccount",
    "pc": "priorityclass",
    "cm": "configmap",
    "deploy": "deployment",
    "svc": "service",
}
