"""`python -m tests.simulation.foretell`: starts foretold.py with the virtual clock in place before it is imported."""

import os
import sys

if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of a run
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, "-m", "tests.simulation.foretell", *sys.argv[1:]])

from tests.simulation import determinism

determinism.install()

from tests.simulation.foretold import main  # noqa: E402 - what it imports must see the virtual clock

sys.exit(main())
