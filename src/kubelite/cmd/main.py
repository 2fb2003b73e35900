"""The `kubelite` command: one program for the components, the cluster's own lifecycle and the kubectl verbs.

What: looks at the first word and imports only what that word needs. Why: `kubelite get` must feel instant, and a daemon must
not pay for the other daemons. Flow: argv → component | lifecycle verb | `kubelite.cli`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from kubelite.cmd.registry import COMPONENTS, LIFECYCLE


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    verb = words[0] if words else ""
    if verb in COMPONENTS:
        from kubelite.cmd.component import run_component

        return run_component(verb, words[1:])
    if verb in LIFECYCLE:
        return int(importlib.import_module(LIFECYCLE[verb].module).main(words[1:]))
    from kubelite.cli.main import main as cli

    extra = {
        "Cluster Lifecycle Commands": {word: command.summary for word, command in LIFECYCLE.items()},
        "Components": {word: command.summary for word, command in COMPONENTS.items()},
    }
    return int(cli(words, extra=extra))


if __name__ == "__main__":
    sys.exit(main())
