"""`python -m tests.simulation --seeds 1000`: the control plane under faults, on a virtual clock.

What: runs seeds, in several processes, and prints a table; exit code 1 if a rule was violated. `--seed N --trace
FILE` shows one run in full. Why: a bug that needs three things to go wrong at once is found here, and again with the
same seed.
"""

from __future__ import annotations

import os
import sys

if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of a run
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])

from tests.simulation import determinism

determinism.install()

from tests.simulation.command import main  # noqa: E402 - what it imports must see the virtual clock

sys.exit(main())
