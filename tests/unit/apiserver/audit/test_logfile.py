"""The audit log's file: lines, rotation, tidying."""

from __future__ import annotations

import gzip
import os
import pathlib

from kubelite.apiserver.audit.logfile import DAY, MEGABYTE, LogFile


def made(path: pathlib.Path, *, age: int = 0, backups: int = 0, compress: bool = False) -> LogFile:
    return LogFile(str(path), max_age=age, max_backup=backups, max_size=1, compress=compress)


def test_lines_are_appended_to_what_is_there(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "deep" / "audit.log"
    for line in (b"one\n", b"two\n"):
        log = made(path)
        assert log.write(line)
        log.close()
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_file_is_renamed_with_its_time(tmp_path: pathlib.Path) -> None:
    log = made(tmp_path / "audit.log")
    log.write(b"a" * (MEGABYTE - 10))
    log.write(b"b" * 20)
    (rotated,) = log.rotated()
    assert pathlib.Path(rotated).read_bytes().startswith(b"aaa")
    assert (tmp_path / "audit.log").read_bytes() == b"b" * 20


def test_rotated_files_go_by_number_and_age(tmp_path: pathlib.Path) -> None:
    names = [f"audit-2026-01-0{day}T00-00-00.000.log" for day in range(1, 6)]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "audit-else.log").write_bytes(b"x")
    old = (tmp_path / names[4]).stat().st_mtime - 10 * DAY
    os.utime(tmp_path / names[3], (old, old))
    log = made(tmp_path / "audit.log", age=5, backups=3, compress=True)
    log.tidy()
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [
        f"{names[2]}.gz",
        f"{names[4]}.gz",
        "audit-else.log",
        "audit.log",
    ]
    assert gzip.decompress((tmp_path / f"{names[4]}.gz").read_bytes()) == b"x"
