"""Writes tests/conformance/behaviours.yaml: which test shows which behaviour of the conformance list.

What: for every entry of the chosen groups, the test whose docstring names it. Why: the list says at a glance what is shown,
and a test compares it with the tests. Flow: `python tools/conformance_index.py conformance.yaml` with the list of an upstream
release (test/conformance/testdata/conformance.yaml there); the entries that `unproven` has in the present file stay there.
"""

from __future__ import annotations

import pathlib
import sys
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.conformance.index import FILE, SIGS, named_tests  # noqa: E402

HEAD = """# Which test shows which behaviour of the conformance list; written by tools/conformance_index.py.
# `unproven` has those that no test can show here, with the reason.
"""


def index(entries: list[dict[str, Any]], unproven: dict[str, str]) -> dict[str, Any]:
    """The content of the file."""
    tests = named_tests()
    shown: dict[str, list[dict[str, str]]] = {sig: [] for sig in SIGS}
    for entry in entries:
        codename = str(entry["codename"])
        sig = codename[1:].partition("]")[0]
        if sig in shown and codename not in unproven:
            shown[sig].append({"behaviour": codename, "test": ", ".join(tests.get(codename, ["?"]))})
    return {"release": "v1.36", "shown": shown, "unproven": unproven}


def main() -> None:
    entries = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    present = yaml.safe_load(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    found = index(entries, present.get("unproven") or {})
    text = yaml.safe_dump(found, sort_keys=False, width=1000, allow_unicode=True)
    FILE.write_text(HEAD + text, encoding="utf-8")
    rows = [row for names in found["shown"].values() for row in names]
    missing = [row["behaviour"] for row in rows if row["test"] == "?"]
    print(f"{len(rows) - len(missing)} shown, {len(missing)} missing", *missing, sep="\n")


if __name__ == "__main__":
    main()
