"""`config`: the group of the verbs about kubeconfig files, and where each of them is."""

from __future__ import annotations

from kubelite.cli.command import Command

_MODULES = {
    "change": (
        "delete-cluster",
        "delete-context",
        "delete-user",
        "rename-context",
        "set-cluster",
        "set-context",
        "set-credentials",
        "use-context",
    ),
    "properties": ("set", "unset"),
    "view": ("current-context", "get-clusters", "get-contexts", "get-users", "view"),
}
_WHERE = {
    name: f"kubelite.cli.verbs.config.{module}:{name.upper().replace('-', '_')}"
    for module, names in _MODULES.items()
    for name in names
}
COMMAND = Command(
    name="config",
    summary="Modify kubeconfig files",
    usage="config SUBCOMMAND",
    subcommands=dict(sorted(_WHERE.items())),
)
