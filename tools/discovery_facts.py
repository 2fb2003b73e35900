"""Take from a real server's discovery what the discovery test compares with.

What: one line a resource: group version, resource, kind, scope, singular, short names, categories, verbs, and subresources with
the kind that they answer with. Why: clients choose by exactly these facts. In: the aggregated discovery document of /apis
(APIGroupDiscoveryList v2) of an upstream server. Out: `tests/integration/apiserver/discovery_facts.json`, stable versions only.

Run `.venv/bin/python tools/discovery_facts.py DISCOVERY_JSON`.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "integration" / "apiserver" / "discovery_facts.json"


def facts(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """group/version → resources, as they are written."""
    found: dict[str, list[dict[str, Any]]] = {}
    for group in document["items"]:
        for version in group["versions"]:
            if re.fullmatch(r"v\d+", version["version"]):
                found[f"{group['metadata']['name']}/{version['version']}"] = version["resources"]
    return found


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: {sys.argv[0]} DISCOVERY_JSON")
    found = facts(json.loads(pathlib.Path(sys.argv[1]).read_text()))
    lines = []
    for name, resources in sorted(found.items()):
        rows = ",\n".join(json.dumps(row, sort_keys=True, separators=(",", ":")) for row in resources)
        lines.append(f'"{name}":[\n{rows}\n]')
    OUT.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(found)} group versions")


if __name__ == "__main__":
    main()
