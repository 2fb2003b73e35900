"""Build the images of the README's tour from the busybox of this host: a web server in two versions.

What: `build/web-1.tar` and `build/web-2.tar`, images `kubelite.demo/web:1` and `:2`, listening on port 8080. Why: the tour
must work without internet, registry or build tool. Flow: busybox and its libraries, if it has any, and a start script →
`kubelite.util.ocitar`.
"""

from __future__ import annotations

import pathlib
import platform
import shutil
import sys

from kubelite.util.ocitar import libraries, write_image

FOLDER = pathlib.Path("build")
APPLETS = ("sh", "cat", "echo", "env", "hostname", "httpd", "ls", "mkdir", "nslookup", "ps", "sleep", "wget")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
START = """#!/bin/sh
mkdir -p /www
echo "Hello from $(hostname), version VERSION" > /www/index.html
echo "version VERSION listens on 8080"
trap 'echo bye; exit 0' TERM
httpd -f -p 8080 -h /www &
wait
"""


def main() -> int:
    busybox = shutil.which("busybox")
    if busybox is None:
        print("error: busybox is missing: apt-get install busybox-static", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    machine = platform.machine()
    for version in ("1", "2"):
        path = FOLDER / f"web-{version}.tar"
        files: dict[str, str | bytes] = {"/bin/busybox": busybox, "/start": START.replace("VERSION", version).encode()}
        files |= {library: library for library in libraries(busybox)}
        write_image(
            path,
            f"kubelite.demo/web:{version}",
            files,
            links={f"/bin/{applet}": "busybox" for applet in APPLETS},
            entrypoint=("/start",),
            architecture=ARCHITECTURES.get(machine, machine),
        )
        print(f"wrote {path}: kubelite.demo/web:{version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
