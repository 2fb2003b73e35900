"""How fast the machine is at this moment: one line above each table.

What: the CPU time of a fixed loop of plain Python, the least of a few. Why: on machines that share their cores the same
benchmark gives half or a quarter of the numbers an hour later; two tables compare only where this line is the same.
"""

from __future__ import annotations

import time

STEPS = 100_000


def loop_milliseconds(rounds: int = 20) -> float:
    """Milliseconds for 100 000 additions, the least of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        begin = time.process_time()
        total = 0
        for step in range(STEPS):
            total += step
        best = min(best, time.process_time() - begin)
    return best * 1000


def main() -> None:
    print(f"100 000 additions take {loop_milliseconds():.1f} ms")


if __name__ == "__main__":
    main()
