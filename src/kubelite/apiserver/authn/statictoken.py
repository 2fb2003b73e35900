"""Users by tokens in a file: `token,user,uid,"group1,group2"` per line.

What: `load` reads the file. Why: the simplest credential there is, for tests and for tools without certificates.
Source: apiserver/pkg/authentication/token/tokenfile/tokenfile.go.
"""

from __future__ import annotations

import csv
import pathlib

from kubelite.apiserver.authn.x509 import AUTHENTICATED
from kubelite.apiserver.request import UserInfo


def load(path: str) -> dict[str, UserInfo]:
    """token → user. Raises ValueError for a line with fewer than three columns, OSError if the file cannot be read."""
    users: dict[str, UserInfo] = {}
    with pathlib.Path(path).open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file, skipinitialspace=True), 1):
            if not row or row[0].startswith("#"):
                continue
            if len(row) < 3:
                raise ValueError(
                    f"token file '{path}' must have at least 3 columns (token, user name, user uid), line {number} has {len(row)}"
                )
            if not row[0]:
                continue
            groups = [group.strip() for group in row[3].split(",") if group.strip()] if len(row) > 3 else []
            users[row[0]] = UserInfo(row[1], row[2], (*dict.fromkeys(groups), AUTHENTICATED))
    return users
