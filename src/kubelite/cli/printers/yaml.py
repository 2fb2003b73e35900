"""`-o yaml`: YAML as sigs.k8s.io/yaml writes it.

What: `render` one object as a block document. Why: users diff such files; quoting and folding must be kubectl's. Flow: plain
values → PyYAML's libyaml emitter, which go-yaml is a port of, with go-yaml's choice of scalar styles.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_RESOLVES = re.compile(
    r"~|null|Null|NULL|y|Y|n|N|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF"
    r"|[-+]?(?:0[xX][0-9a-fA-F_]+|0b[01_]+|0o[0-7_]+|[0-9][0-9_]*)"
    r"|[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*\.?[0-9_]*)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|\d{4}-\d\d?-\d\d?(?:[Tt ].*)?|<<",
)
_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]  # the base is libyaml's dumper or the pure one
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _string(dumper: Any, value: str) -> Any:
    style = None
    if not value or _RESOLVES.fullmatch(value):
        style = '"'
    elif "\n" in value:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _number(dumper: Any, value: float) -> Any:
    if value.is_integer() and abs(value) < 1e21:
        return dumper.represent_int(int(value))
    text = repr(value)
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


def _mapping(dumper: Any, value: dict[str, Any]) -> Any:
    return dumper.represent_mapping("tag:yaml.org,2002:map", sorted(value.items(), key=_key), flow_style=not value)


def _sequence(dumper: Any, value: list[Any]) -> Any:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=not value)


# "=" is plain for go-yaml, a special value for PyYAML.
_Dumper.yaml_implicit_resolvers = {
    letter: resolvers for letter, resolvers in _Base.yaml_implicit_resolvers.items() if letter != "="
}
_Dumper.add_representer(str, _string)
_Dumper.add_representer(float, _number)
_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _sequence)


def _key(item: tuple[str, Any]) -> list[tuple[int, int, str]]:
    """go-yaml's order of keys: numbers inside count as numbers, letters come after everything else."""
    parts: list[tuple[int, int, str]] = []
    for run in re.findall(r"\d+|\D", item[0]):
        if run.isdigit():
            parts.append((1, int(run), run))
        elif run.isalpha():
            parts.append((2, 0, run))
        else:
            parts.append((0, 0, run))
    return parts


def render(obj: Any) -> str:
    text: str = yaml.dump(obj, Dumper=_Dumper, allow_unicode=True, default_flow_style=False, sort_keys=False, width=80)
    return text
