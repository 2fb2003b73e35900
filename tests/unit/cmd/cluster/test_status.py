"""The table of `kubelite status`."""

from __future__ import annotations

from kubelite.cmd.cluster.status import lines


def test_columns_are_as_wide_as_the_longest_name():
    head = ("PROCESS", "PID", "MEMORY", "HEALTH")
    short, long = ("dns", "12", "33 MB", "-"), ("cloud-controller-manager", "27630", "36 MB", "ok")
    assert lines([head, short]) == [
        "PROCESS                  PID    MEMORY  HEALTH",
        "dns                       12     33 MB  -",
    ]
    table = lines([head, short, long])
    assert [line.split() for line in table][2] == ["cloud-controller-manager", "27630", "36", "MB", "ok"]
    assert table[0].index("PID") + 3 == table[2].index("27630") + 5
