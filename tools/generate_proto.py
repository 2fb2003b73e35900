"""Generate the gRPC modules of `src/kubelite/rpc/` from `proto/*.proto`.

What: for each `proto/NAME.proto` the modules `NAME_pb2.py`, `NAME_pb2_grpc.py` and their type stubs.
Why: the `.proto` files are the source; the modules are committed so that an installation needs no compiler.
In: `grpcio-tools` and `mypy-protobuf` (development dependencies). Out: committed files, marked as generated.

The files are compiled under the virtual path `kubelite/rpc/`: the modules then import each other by full name, and
their names in protobuf's process-wide pool of descriptors cannot meet those of another package.

Of what the compiler writes for calls, only the stubs are kept: nothing here serves these protocols.

Run `make generate`.
"""

from __future__ import annotations

import ast
import importlib.resources
import os
import pathlib
import sys

from grpc_tools import protoc  # type: ignore[import-untyped]

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
PACKAGE = ROOT / "src" / "kubelite" / "rpc"
SOURCES = ROOT / "src"
MESSAGES, STUBS = ("_pb2.py", "_pb2.pyi"), ("_pb2_grpc.py", "_pb2_grpc.pyi")
ONLY_MESSAGES = {"etcd_v3", "kms_v2"}
"""Protocols whose calls are made without stubs (docs/adr/0010 for the store), so that none are kept."""


def compile_all(names: list[str]) -> int:
    """Runs protoc over `proto/NAME.proto` for all names; its exit status."""
    os.environ["PATH"] = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    return int(
        protoc.main(
            [
                "protoc",
                f"-Ikubelite/rpc={PROTO}",
                f"-I{well_known}",
                f"--python_out={SOURCES}",
                f"--grpc_python_out={SOURCES}",
                f"--mypy_out=quiet:{SOURCES}",
                f"--mypy_grpc_out=quiet:{SOURCES}",
                *(f"kubelite/rpc/{name}.proto" for name in names),
            ]
        )
    )


def remove_stale(names: list[str]) -> None:
    """Removes modules whose `.proto` is gone, and stubs that nobody calls."""
    wanted = {f"{name}{suffix}" for name in names for suffix in MESSAGES}
    wanted |= {f"{name}{suffix}" for name in names if name not in ONLY_MESSAGES for suffix in STUBS}
    for path in PACKAGE.glob("*_pb2*"):
        if path.name not in wanted and path.is_file():
            path.unlink()


def keep_stubs(path: pathlib.Path) -> None:
    """Removes from a module of calls what servers and the experimental interface would use."""
    text = path.read_text()
    lines, dropped = text.splitlines(keepends=True), set[int]()
    for node in ast.parse(text).body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.endswith("Stub"):
            continue
        first = min([node.lineno, *(found.lineno for found in node.decorator_list)]) - 1
        while not (before := lines[first - 1].strip()) or before.startswith("#"):
            first -= 1
        dropped |= set(range(first, node.end_lineno or node.lineno))
    path.write_text("".join(line for number, line in enumerate(lines) if number not in dropped).rstrip("\n") + "\n")


def main() -> int:
    names = sorted(path.stem for path in PROTO.glob("*.proto"))
    status = compile_all(names)
    if status == 0:
        remove_stale(names)
        for suffix in STUBS:
            for path in sorted(PACKAGE.glob(f"*{suffix}")):
                keep_stubs(path)
    return status


if __name__ == "__main__":
    sys.exit(main())
