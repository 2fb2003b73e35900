"""Write the lock files: exact versions of all dependencies with the hashes of all their files, in pip-compile's style.

What: resolves pyproject.toml with pip, then asks the package index for the hashes of every file of each chosen version.
Why: pip-compile downloads each of these files to hash it, which takes a quarter of an hour; indexes publish the hashes.
Out: `requirements.lock`, what the product needs, and `requirements-dev.lock`, that and what tests and tools need; one entry a
package, no index address. Run `make lock`.
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
    """The index that pip is configured to use, or pip's own default."""
    from pip._internal.models.index import PyPI

    shown = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False
    )
    return os.environ.get("PIP_INDEX_URL") or shown.stdout.strip() or str(PyPI.simple_url)


def resolve(extra: str = "") -> dict[str, str]:
    """Package name → version, for the project with an extra."""
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
    done = subprocess.run([*argv, f"{ROOT}{extra}"], capture_output=True, text=True, check=True)
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


def entry(name: str, version: str) -> str:
    """One package's lines; raises RuntimeError if the index shows no hashes."""
    digests = hashes(name, version)
    if not digests:
        raise RuntimeError(f"the index shows no hashes of {name} {version}")
    return " \\\n".join([f"{name}=={version}", *(f"    --hash=sha256:{digest}" for digest in digests)])


def main() -> int:
    every = resolve("[dev]")
    # The editable install builds with setuptools, which newer virtual environments do not bring along.
    product = {*resolve(), "setuptools"}
    entries = {name: entry(name, version) for name, version in sorted(every.items())}
    for file, names in (("requirements-dev.lock", every), ("requirements.lock", product)):
        lines = [text for name, text in entries.items() if name in names]
        (ROOT / file).write_text("\n".join(lines) + "\n")
        print(f"{file}: {len(lines)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
