"""Feature gates: parts of the API server that can be switched, by upstream's names.

What: `parse` reads `--feature-gates=NAME=true,OTHER=false`; `kinds` and `reports_versions` say what follows. Why: who brings
upstream's flags should get what they say, or hear that it cannot be had. Flow: text → `parse` → name → on or off. Gates that
this server knows nothing of stop the start.
"""

from __future__ import annotations

from kubelite import api
from kubelite.machinery.kind import Kind

IDENTITY = "APIServerIdentity"
"""Each server keeps a Lease that says that it lives."""
STORAGE_VERSIONS = "StorageVersionAPI"
"""The kind StorageVersion is served; with `IDENTITY`, each server reports there in which versions it stores."""
KNOWN = {IDENTITY: True, STORAGE_VERSIONS: False}
"""What can be switched, and whether it is on by default."""
UNSUPPORTED = ("UnknownVersionInteroperabilityProxy",)
"""Off by default upstream, and always here."""


def parse(text: str) -> dict[str, bool]:
    """Every known gate. Raises ValueError for a text that is no list of gates, and for one that cannot be switched on."""
    found = dict(KNOWN)
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or value.lower() not in ("true", "false"):
            raise ValueError(f"feature gate {part!r}: want NAME=true or NAME=false")
        wanted = value.lower() == "true"
        if name in UNSUPPORTED and wanted:
            raise ValueError(f"the feature {name} is not supported")
        if name not in KNOWN and name not in UNSUPPORTED:
            raise ValueError(f"unrecognized feature gate: {name}")
        if name in KNOWN:
            found[name] = wanted
    return found


def kinds(text: str) -> list[Kind]:
    """The kinds that are served because of these gates. Raises ValueError like `parse`."""
    return [kind for gate, on in parse(text).items() if on for kind in api.gated(gate)]


def reports_versions(text: str) -> bool:
    """Whether servers report their storage versions. Raises ValueError like `parse`."""
    gates = parse(text)
    return gates[STORAGE_VERSIONS] and gates[IDENTITY]
