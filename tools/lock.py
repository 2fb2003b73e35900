"""Write `requirements.lock`: exact versions of all dependencies with the hashes of all their files, in pip-compile's style.

What: resolves pyproject.toml with pip, then asks the package index for the hashes of every file of each chosen version.
Why: pip-compile downloads each of these files to hash it, which takes a quarter of an hour; indexes publish the hashes.
Out: one entry a package; no index address is written. Run `make lock`.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
JSON = "application/vnd.pypi.simple.v1+json"


def index_url() -> str:
    """The index that pip is configured to use."""
    shown = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True
    )
    return os.environ.get("PIP_INDEX_URL") or shown.stdout.strip() or "https://pypi.org/simple"


def resolve() -> dict[str, str]:
    """Package name → version, for the project with its development extra."""
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
    done = subprocess.run([*argv, f"{ROOT}[dev]"], capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    found = {item["metadata"]["name"]: item["metadata"]["version"] for item in report["install"]}
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found.items() if name != "kubelite"}


def hashes(name: str, version: str) -> list[str]:
    """The sha256 of every file of one version."""
    request = urllib.request.Request(f"{index_url().rstrip('/')}/{name}/", headers={"Accept": JSON})
    with urllib.request.urlopen(request) as answer:
        body = answer.read().decode()
        files = json.loads(body)["files"] if "json" in answer.headers["Content-Type"] else None
    stem = rf"{re.escape(name).replace(chr(92) + '-', '[-_.]+')}-{re.escape(version)}(-|\.tar|\.zip)"
    if files is None:
        pairs = re.findall(r"([^/\"]+)#sha256=([0-9a-f]{64})", body)
    else:
        pairs = [(file["filename"], file["hashes"]["sha256"]) for file in files]
    return sorted({digest for filename, digest in pairs if re.match(stem, filename, re.IGNORECASE)})


def main() -> int:
    lines = []
    for name, version in sorted(resolve().items()):
        digests = hashes(name, version)
        if not digests:
            print(f"the index shows no hashes of {name} {version}", file=sys.stderr)
            return 1
        lines.append(" \\\n".join([f"{name}=={version}", *(f"    --hash=sha256:{digest}" for digest in digests)]))
    (ROOT / "requirements.lock").write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
