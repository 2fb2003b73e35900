"""`python -m bench [NAME …]`: runs the benchmarks and prints their tables; each also runs alone as `python -m bench.NAME`.

In: names of modules beside this file; none means all. Out: tables on standard output, each headed by how fast the machine was
then. The exit code is 1 if one failed.
"""

from __future__ import annotations

import subprocess
import sys

from bench import machine

ALL = ("cel", "storage", "apiserver", "held", "rbac", "bad_input", "scheduler", "questions", "cluster")


def main() -> int:
    names = sys.argv[1:] or ALL
    failed = 0
    for name in names:
        print(f"\n== {name} == (100 000 additions: {machine.loop_milliseconds():.1f} ms)", flush=True)
        # Each in a process of its own, so that none measures what another left behind.
        failed |= subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
