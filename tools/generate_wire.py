"""Generate the protobuf field tables of the built-in kinds from the type information of a kubectl binary.

What: one JSON file per group version under `src/kubelite/api/wire/`: message → [number, JSON name, type] of each field.
Why: names, numbers and types of the wire form are published facts; a kubectl carries every one of them in the run-time type
information of its Go structs (the `json` and `protobuf` tags), with what the .proto files leave out: which fields are pointers
and which are left out of JSON when zero. In: the path of a kubectl for Linux and `tools/wire_additions.json`, the fields
that are newer than that binary, and the group version of definitions, which it lacks. Out: committed files, marked as generated.

Run `.venv/bin/python tools/generate_wire.py KUBECTL`. The type grammar is described in `kubelite.machinery.protobuf`.
Layout of the type information: Go's internal/abi/type.go.
"""

from __future__ import annotations

import json
import pathlib
import re
import struct
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "src" / "kubelite" / "api" / "wire"
SCHEMAS = ROOT / "src" / "kubelite" / "api" / "schemas"
ADDITIONS = ROOT / "tools" / "wire_additions.json"
TEXT_ONLY = ("autoscaling_v2beta1", "extensions_v1beta1")
"""Old versions, which are taken as JSON and YAML only."""
SAME_FORM = {"resource_v1beta2": "resource_v1"}
"""Group versions that the binary lacks, by the older one of the same form."""

KINDS = {
    1: "bool",
    2: "int",
    5: "int32",
    6: "int64",
    8: "uint8",
    10: "uint32",
    14: "float64",
    20: "interface",
    21: "map",
}
KINDS |= {22: "pointer", 23: "slice", 24: "string", 25: "struct"}
TFLAG_UNCOMMON, TFLAG_EXTRA_STAR = 1, 2
NAME_HAS_TAG, NAME_EMBEDDED = 2, 8
META = "k8s.io/apimachinery/pkg/apis/meta/v1"
SPECIAL = {
    f"{META}.Time": "time",
    f"{META}.MicroTime": "microtime",
    f"{META}.FieldsV1": "raw",
    "k8s.io/apimachinery/pkg/api/resource.Quantity": "quantity",
    "k8s.io/apimachinery/pkg/util/intstr.IntOrString": "intorstring",
    "k8s.io/apimachinery/pkg/runtime.RawExtension": "raw",
}


class GoType(NamedTuple):
    """One Go type: its kind, name, package, and where its parts are."""

    address: int
    kind: str
    name: str
    package: str


class Binary:
    """The type information in an ELF file made by Go."""

    def __init__(self, path: str) -> None:
        self.data = pathlib.Path(path).read_bytes()
        sections = self._sections()
        self.base, self.offset, self.size = sections[".rodata"]
        _, start, size = sections[".typelink"]
        self.links = struct.unpack_from(f"<{size // 4}i", self.data, start)

    def _sections(self) -> dict[str, tuple[int, int, int]]:
        """name → (address, file offset, size)"""
        (table,) = struct.unpack_from("<Q", self.data, 0x28)
        count, names = struct.unpack_from("<HH", self.data, 0x3C)
        heads = [struct.unpack_from("<IIQQQQ", self.data, table + 64 * i) for i in range(count)]
        start = heads[names][4]
        return {self._text(start + head[0]): (head[3], head[4], head[5]) for head in heads}

    def _text(self, at: int) -> str:
        return self.data[at : self.data.index(b"\0", at)].decode()

    def _at(self, address: int) -> int:
        if not self.base <= address < self.base + self.size:
            raise ValueError(f"{address:#x} is outside the read-only data")
        return address - self.base + self.offset

    def _pointer(self, address: int) -> int:
        found: int = struct.unpack_from("<Q", self.data, self._at(address))[0]
        return found

    def _name(self, address: int) -> tuple[str, str, bool]:
        """A name with its tag, and whether it is embedded."""
        at = self._at(address)
        flags = self.data[at]
        name, at = self._string(at + 1)
        tag = self._string(at)[0] if flags & NAME_HAS_TAG else ""
        return name, tag, bool(flags & NAME_EMBEDDED)

    def _string(self, at: int) -> tuple[str, int]:
        size = shift = 0
        while True:
            byte = self.data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return self.data[at : at + size].decode(), at + size

    def type_at(self, address: int) -> GoType:
        at = self._at(address)
        flags, kind = self.data[at + 20], KINDS.get(self.data[at + 23] & 31, "other")
        (offset,) = struct.unpack_from("<i", self.data, at + 40)
        name = self._name(self.base + offset)[0]
        if flags & TFLAG_EXTRA_STAR:
            name = name[1:]
        package = ""
        uncommon = {"struct": 80, "pointer": 56, "slice": 56, "map": 0, "other": 0, "interface": 80}.get(kind, 48)
        if flags & TFLAG_UNCOMMON and uncommon:
            (offset,) = struct.unpack_from("<i", self.data, at + uncommon)
            package = self._name(self.base + offset)[0] if offset else ""
        return GoType(address, kind, name, package)

    def element(self, type_: GoType) -> GoType:
        """What a pointer, slice or map leads to."""
        return self.type_at(self._pointer(type_.address + (56 if type_.kind == "map" else 48)))

    def fields(self, type_: GoType) -> Iterator[tuple[str, str, bool, GoType]]:
        """(Go name, tag, embedded, type) of a struct's fields."""
        first, count = self._pointer(type_.address + 56), self._pointer(type_.address + 64)
        for i in range(count):
            yield *self._name(self._pointer(first + 24 * i)), self.type_at(self._pointer(first + 24 * i + 8))

    def structs(self) -> dict[str, GoType]:
        """Every struct of the API packages by `package.Name`."""
        found: dict[str, GoType] = {}
        for link in self.links:
            type_ = self.type_at(self.base + link)
            while type_.kind in ("pointer", "slice"):
                type_ = self.element(type_)
            if type_.kind == "struct" and re.match(r"k8s\.io/(api|apimachinery)/", type_.package):
                found[f"{type_.package}.{type_.name.rpartition('.')[2]}"] = type_
        return found


def module_of(package: str) -> str:
    """`k8s.io/api/apps/v1` → `apps_v1`."""
    found = "_".join(package.split("/")[-2:])
    return SAME_FORM.get(found, found)


def type_text(binary: Binary, type_: GoType, omitted: bool) -> str:
    """A field's type in the grammar of the tables. Raises ValueError for what has none."""
    if type_.kind == "pointer":
        return "*" + type_text(binary, binary.element(type_), False)
    if type_.kind == "map":
        return "map " + type_text(binary, binary.element(type_), False)
    if type_.kind == "slice":
        element = binary.element(type_)
        if element.kind == "uint8":
            return "bytes" + "?" * omitted
        if not type_.name.startswith("[]"):
            return "items"
        return "[]" + type_text(binary, element, False)
    if type_.kind == "struct":
        key = f"{type_.package}.{type_.name.rpartition('.')[2]}"
        return SPECIAL.get(key) or key_of(key)
    if type_.kind in ("string", "bool", "int32", "int64"):
        return type_.kind + "?" * omitted
    raise ValueError(f"no wire form is known for {type_.kind} {type_.name}")


def key_of(key: str) -> str:
    package, _, name = key.rpartition(".")
    return f"{module_of(package)}.{name}"


def rows(binary: Binary, type_: GoType) -> list[list[Any]]:
    """[number, JSON name, type] of each field of a message, by number."""
    found: list[list[Any]] = []
    for _, tag, _, inner in binary.fields(type_):
        wire, name = re.search(r'protobuf:"[a-z0-9]+,(\d+),', tag), re.search(r'json:"([^",]*)([^"]*)"', tag)
        if wire is None or name is None:
            continue
        found.append([int(wire[1]), name[1], type_text(binary, inner, "omitempty" in name[2])])
    return sorted(found)


def is_object(binary: Binary, type_: GoType) -> bool:
    return any(name == "TypeMeta" for name, _, _, _ in binary.fields(type_))


def modules() -> list[str]:
    return sorted(path.stem for path in SCHEMAS.glob("*_v*.json") if path.stem not in TEXT_ONLY)


def tables(binary: Binary) -> dict[str, dict[str, Any]]:
    """module → {"kinds": [...], "messages": {...}} for every module that the binary knows."""
    out: dict[str, dict[str, Any]] = {}
    wanted = set(modules())
    for key, type_ in sorted(binary.structs().items()):
        package, _, name = key.rpartition(".")
        module = module_of(package)
        if (
            module not in wanted
            or key in SPECIAL
            or not name[0].isupper()
            or "/pkg/apis/meta/internalversion" in package
        ):
            continue
        found = rows(binary, type_)
        has_type = is_object(binary, type_)
        if not found and not has_type:
            continue
        table = out.setdefault(module, {"kinds": [], "messages": {}})
        table["messages"][name] = found
        if has_type:
            table["kinds"].append(name)
    return out


def add(out: dict[str, dict[str, Any]]) -> None:
    """Adds the newer fields. Raises ValueError where a number is taken already."""
    for module, added in json.loads(ADDITIONS.read_text()).items():
        table = out.setdefault(module, {"kinds": [], "messages": {}})
        table["kinds"] = sorted({*table["kinds"], *added.get("kinds", [])})
        for message, extra in added["messages"].items():
            fields = table["messages"].setdefault(message, [])
            for row in extra:
                if row in fields:
                    continue
                if any(row[0] == field[0] or (row[1] and row[1] == field[1]) for field in fields):
                    raise ValueError(f"{module}.{message} has {row} already")
                fields.append(row)
            fields.sort()


def group_of(module: str) -> str:
    """`rbac_v1` → `rbac.authorization.k8s.io`, by the kinds in its schemas."""
    if module == "meta_v1":
        return "meta.k8s.io"
    kinds = [
        kind["group"]
        for schema in json.loads((SCHEMAS / f"{module}.json").read_text()).values()
        for kind in schema.get("x-kubernetes-group-version-kind", [])
    ]
    (group,) = set(kinds)
    return str(group)


def render(module: str, table: dict[str, Any]) -> str:
    """JSON with one line a message."""
    lines = [
        f"{json.dumps(name)}:{json.dumps(found, separators=(',', ':'))}"
        for name, found in sorted(table["messages"].items())
    ]
    kinds = json.dumps(sorted(table["kinds"]), separators=(",", ":"))
    return (
        f'{{"generated":"by tools/generate_wire.py","group":"{group_of(module)}","kinds":{kinds},"messages":{{\n'
        + ",\n".join(lines)
        + "\n}}\n"
    )


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: {sys.argv[0]} KUBECTL")
    out = tables(Binary(sys.argv[1]))
    add(out)
    OUT.mkdir(exist_ok=True)
    for module, table in out.items():
        (OUT / f"{module}.json").write_text(render(module, table))
        print(f"{module}: {len(table['messages'])} messages")


if __name__ == "__main__":
    main()
