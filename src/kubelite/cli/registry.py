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


def _verb(module: str, group: str, summary: str, constant: str = "COMMAND") -> Verb:
    return Verb(f"kubelite.cli.verbs.{module}:{constant}", group, summary)


_EXPOSE = "Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service"
_DELETE = "Delete resources by file names, stdin, resources and names, or by resources and label selector"

VERBS: dict[str, Verb] = {
    "create": _verb("create", BEGINNER, "Create a resource from a file or from stdin"),
    "expose": _verb("expose", BEGINNER, _EXPOSE),
    "run": _verb("run", BEGINNER, "Run a particular image on the cluster"),
    "set": _verb("set", BEGINNER, "Set specific features on objects"),
    "explain": _verb("explain", INTERMEDIATE, "Get documentation for a resource"),
    "get": _verb("get", INTERMEDIATE, "Display one or many resources"),
    "edit": _verb("edit", INTERMEDIATE, "Edit a resource on the server"),
    "delete": _verb("delete", INTERMEDIATE, _DELETE),
    "rollout": _verb("rollout", DEPLOY, "Manage the rollout of a resource"),
    "scale": _verb("scale", DEPLOY, "Set a new size for a deployment, replica set, or replication controller"),
    "autoscale": _verb(
        "autoscale", DEPLOY, "Auto-scale a deployment, replica set, stateful set, or replication controller"
    ),
    "certificate": _verb("certificate", CLUSTER, "Modify certificate resources"),
    "cluster-info": _verb("discovery", CLUSTER, "Display cluster information", "CLUSTER_INFO"),
    "cordon": _verb("node", CLUSTER, "Mark node as unschedulable"),
    "uncordon": _verb("node", CLUSTER, "Mark node as schedulable", "UNCORDON"),
    "drain": _verb("node", CLUSTER, "Drain node in preparation for maintenance", "DRAIN"),
    "taint": _verb("node", CLUSTER, "Update the taints on one or more nodes", "TAINT"),
    "describe": _verb("describe", TROUBLE, "Show details of a specific resource or group of resources"),
    "logs": _verb("logs", TROUBLE, "Print the logs for a container in a pod"),
    "attach": _verb("exec", TROUBLE, "Attach to a running container", "ATTACH"),
    "exec": _verb("exec", TROUBLE, "Execute a command in a container"),
    "port-forward": _verb("portforward", TROUBLE, "Forward one or more local ports to a pod"),
    "cp": _verb("cp", TROUBLE, "Copy files and directories to and from containers"),
    "auth": _verb("auth", TROUBLE, "Inspect authorization"),
    "events": _verb("events", TROUBLE, "List events"),
    "why": Verb(
        "kubelite.cmd.questions.why:COMMAND", TROUBLE, "Explain what is the matter with an object, and what to do next"
    ),
    "whatif": Verb(
        "kubelite.cmd.questions.whatif:COMMAND",
        TROUBLE,
        "Say what would happen, without doing it: new pods, a drain, a lost node, a taint, a quota",
    ),
    "diff": _verb("diff", ADVANCED, "Diff the live version against a would-be applied version"),
    "apply": _verb("apply", ADVANCED, "Apply a configuration to a resource by file name or stdin"),
    "patch": _verb("patch", ADVANCED, "Update fields of a resource"),
    "replace": _verb("replace", ADVANCED, "Replace a resource by file name or stdin"),
    "wait": _verb("wait", ADVANCED, "Experimental: Wait for a specific condition on one or many resources"),
    "kustomize": _verb("kustomize", ADVANCED, "Build a kustomization target from a directory"),
    "label": _verb("label", SETTINGS, "Update the labels on a resource"),
    "annotate": _verb("label", SETTINGS, "Update the annotations on a resource", "ANNOTATE"),
    "completion": _verb("completion", SETTINGS, "Output shell completion code for the specified shell (bash)"),
    "api-resources": _verb("discovery", OTHER, "Print the supported API resources on the server"),
    "api-versions": _verb(
        "discovery", OTHER, 'Print the supported API versions on the server, in the form of "group/version"', "VERSIONS"
    ),
    "config": _verb("config.group", OTHER, "Modify kubeconfig files"),
    "options": _verb("completion", OTHER, "Print the list of flags inherited by all commands", "OPTIONS"),
    "version": _verb("discovery", OTHER, "Print the client and server version information", "VERSION"),
}
VERBS |= {word: Verb("", REFUSED, "") for word in ("debug", "plugin", "proxy", "top", "alpha")}

ALIASES: dict[str, str] = {}
SUBCOMMAND_ALIASES: dict[str, str] = {
    "ns": "namespace",
    "sa": "serviceaccount",
    "pc": "priorityclass",
    "cm": "configmap",
    "deploy": "deployment",
    "svc": "service",
    "cj": "cronjob",
    "ing": "ingress",
    "pdb": "poddisruptionbudget",
    "resourcequota": "quota",
}
REFUSED_SUBCOMMANDS: dict[str, tuple[str, ...]] = {
    "set": ("selector", "subject"),
    "apply": ("edit-last-applied", "set-last-applied", "view-last-applied"),
    "cluster-info": ("dump",),
}
"""kubectl's subcommands that are refused by name."""
