"""The real kubectl programs on this machine, by minor version.

What: `find("1.33")` one, `some("1.27", "1.33")` those of several that are there. Why: versions differ in protocols (SPDY and
WebSocket, JSON and protobuf) and in texts, and a test runs with those that it names and skips the others. Looks at the names
by which people and packages keep several versions beside each other, then asks the plain `kubectl` which one it is.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

PLACES = ("/usr/lib/google-cloud-sdk/bin/kubectl.{}", "/usr/local/bin/kubectl-{}", "/usr/bin/kubectl-{}")


@functools.cache
def find(version: str) -> str | None:
    """The path of a version's program, None where it is not installed."""
    beside = next((path for place in PLACES if os.path.exists(path := place.format(version))), None)
    plain = shutil.which("kubectl")
    if beside is not None or plain is None:
        return beside
    text = subprocess.run([plain, "version", "--client"], capture_output=True, text=True, check=False).stdout
    return plain if f"Client Version: v{version}." in text else None


def some(*versions: str) -> list[str]:
    """The paths of those versions that are installed, in the order asked for."""
    return [path for version in versions if (path := find(version)) is not None]
