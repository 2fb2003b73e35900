"""Name rules: what may be an object name, a label, a port name, a key of a ConfigMap.

What: checkers that return complaints (none: the name is good), and the generator behind generateName.
Why: names end up in DNS, in paths and in environment variables. Flow: text in, list of texts out, each ready to follow
"Invalid value: ...". The rules and words are those of apimachinery/pkg/api/validate/content and pkg/util/validation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

_LABEL_FORMAT = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_FORMAT = _LABEL_FORMAT + r"(\." + _LABEL_FORMAT + ")*"
_DNS1035_FORMAT = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY_FORMAT = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE_FORMAT = f"({_KEY_FORMAT})?"
_HEADER_FORMAT = "[-A-Za-z0-9]+"
_ENV_FORMAT = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_CONFIG_KEY_FORMAT = "[-._a-zA-Z0-9]+"
_C_FORMAT = "[A-Za-z_][A-Za-z0-9_]*"
_PERCENT_FORMAT = "[0-9]+%"
_WILDCARD_FORMAT = r"\*\." + _SUBDOMAIN_FORMAT
_PATH_FORMAT = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"

# The patterns below match the same strings as the formats quoted in the texts, but in linear time.
_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?\Z", re.ASCII)
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\Z", re.ASCII)
_DNS1035 = re.compile(_DNS1035_FORMAT + r"\Z", re.ASCII)
_KEY = re.compile(_KEY_FORMAT + r"\Z", re.ASCII)
_HEADER = re.compile(_HEADER_FORMAT + r"\Z")
_ENV = re.compile(_ENV_FORMAT + r"\Z")
_CONFIG_KEY = re.compile(_CONFIG_KEY_FORMAT + r"\Z")
_C = re.compile(_C_FORMAT + r"\Z")
_PERCENT = re.compile(_PERCENT_FORMAT + r"\Z", re.ASCII)
_HTTP_PATH = re.compile(_PATH_FORMAT + r"\Z")

SUBDOMAIN_MAX = 253
LABEL_MAX = 63
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_DNS1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_KEY_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_WILDCARD_TEXT = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)
EMPTY = "must be non-empty"
_REMEMBERED = 100
"""Longer names are checked anew each time."""

Check = Callable[[str], list[str]]


def max_length(limit: int) -> str:
    return f"must be no more than {limit} bytes"


def in_range(low: int, high: int) -> str:
    return f"must be between {low} and {high}, inclusive"


@lru_cache(maxsize=64)
def _bad_format(text: str, pattern: str, *examples: str) -> str:
    if not examples:
        return f"{text} (regex used for validation is '{pattern}')"
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{text} (e.g. {shown}regex used for validation is '{pattern}')"


def _size(value: str) -> int:
    return len(value) if value.isascii() else len(value.encode(errors="surrogatepass"))


def dns1123_subdomain(value: str) -> list[str]:
    """`example.com`: the names of most objects."""
    errors = [max_length(SUBDOMAIN_MAX)] if _size(value) > SUBDOMAIN_MAX else []
    if not _SUBDOMAIN.match(value):
        errors.append(_bad_format(_SUBDOMAIN_TEXT, _SUBDOMAIN_FORMAT, "example.com"))
    return errors


def dns1123_label(value: str) -> list[str]:
    """`my-name`: namespaces, containers, volumes."""
    errors = [max_length(LABEL_MAX)] if _size(value) > LABEL_MAX else []
    if not _LABEL.match(value):
        if _SUBDOMAIN.match(value):
            errors.append("must not contain dots")
        else:
            errors.append(_bad_format(_LABEL_TEXT, _LABEL_FORMAT, "my-name", "123-abc"))
    return errors


def dns1035_label(value: str) -> list[str]:
    """`my-name`, starting with a letter: services."""
    errors = [max_length(LABEL_MAX)] if _size(value) > LABEL_MAX else []
    if not _DNS1035.match(value):
        errors.append(_bad_format(_DNS1035_TEXT, _DNS1035_FORMAT, "my-name", "abc-123"))
    return errors


def wildcard_dns1123_subdomain(value: str) -> list[str]:
    """`*.example.com`: hosts of an Ingress."""
    errors = [max_length(SUBDOMAIN_MAX)] if _size(value) > SUBDOMAIN_MAX else []
    if not (value.startswith("*.") and _SUBDOMAIN.match(value[2:])):
        errors.append(_bad_format(_WILDCARD_TEXT, _WILDCARD_FORMAT, "*.example.com"))
    return errors


def qualified_name(value: str) -> list[str]:
    """`example.com/MyName` or `MyName`: keys of labels and annotations, finalizers, resource names."""
    # A cluster has few different keys, and every object repeats them.
    return list(_known_qualified_name(value)) if len(value) <= _REMEMBERED else _qualified_name(value)


@lru_cache(maxsize=4096)
def _known_qualified_name(value: str) -> tuple[str, ...]:
    return tuple(_qualified_name(value))


def _qualified_name(value: str) -> list[str]:
    parts = value.split("/")
    errors: list[str] = []
    if len(parts) > 2:
        text = "a valid label key " + _bad_format(_KEY_TEXT, _KEY_FORMAT, "MyName", "my.name", "123-abc")
        return [f"{text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    if len(parts) == 2:
        if not parts[0]:
            errors.append(f"prefix part {EMPTY}")
        else:
            errors += [f"prefix part {complaint}" for complaint in dns1123_subdomain(parts[0])]
    name = parts[-1]
    if not name:
        errors.append(f"name part {EMPTY}")
    elif _size(name) > LABEL_MAX:
        errors.append(f"name part {max_length(LABEL_MAX)}")
    if not _KEY.match(name):
        errors.append("name part " + _bad_format(_KEY_TEXT, _KEY_FORMAT, "MyName", "my.name", "123-abc"))
    return errors


def label_value(value: str) -> list[str]:
    errors = [max_length(LABEL_MAX)] if _size(value) > LABEL_MAX else []
    if value and not _KEY.match(value):
        errors.append(_bad_format(_VALUE_TEXT, _VALUE_FORMAT, "MyValue", "my_value", "12345"))
    return errors


def path_segment(value: str) -> list[str]:
    """Names that only have to fit in a URL path: RBAC objects, events' involved names."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{part}'" for part in ("/", "%") if part in value]


def path_segment_prefix(value: str) -> list[str]:
    """`path_segment` for a prefix, which may be `.` because more follows."""
    return [f"may not contain '{part}'" for part in ("/", "%") if part in value]


def c_identifier(value: str) -> list[str]:
    if _C.match(value):
        return []
    text = (
        "a valid C identifier must start with alphabetic character or '_', "
        "followed by a string of alphanumeric characters or '_'"
    )
    return [_bad_format(text, _C_FORMAT, "my_name", "MY_NAME", "MyName")]


def env_var_name(value: str) -> list[str]:
    """Any printable ASCII but `=` (RelaxedEnvironmentVariableValidation, on since 1.34)."""
    errors = [f"environment variable name {EMPTY}"] if not value else []
    if any(not " " <= char <= "~" or char == "=" for char in value):
        text = "a valid environment variable name must consist only of printable ASCII characters other than '='"
        errors.append(text)
    return errors


def strict_env_var_name(value: str) -> list[str]:
    """The older rule, which still decides what `envFrom` takes over."""
    errors: list[str] = []
    if not _ENV.match(value):
        text = (
            "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', "
            "and must not start with a digit"
        )
        errors.append(_bad_format(text, _ENV_FORMAT, "my.env-name", "MY_ENV.NAME", "MyEnvName1"))
    return errors + _leaves_directory(value)


def config_map_key(value: str) -> list[str]:
    errors = [max_length(SUBDOMAIN_MAX)] if _size(value) > SUBDOMAIN_MAX else []
    if not _CONFIG_KEY.match(value):
        text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        errors.append(_bad_format(text, _CONFIG_KEY_FORMAT, "key.name", "KEY_NAME", "key-name"))
    return errors + _leaves_directory(value)


def _leaves_directory(value: str) -> list[str]:
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    return ["must not start with '..'"] if value.startswith("..") else []


def port_name(value: str) -> list[str]:
    """`http`: container port names and named target ports."""
    errors = [max_length(15)] if _size(value) > 15 else []
    if not re.fullmatch("[-a-z0-9]+", value):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        errors.append("must contain at least one letter (a-z)")
    if "--" in value:
        errors.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def port_number(value: int) -> list[str]:
    return [] if 1 <= value <= 65535 else [in_range(1, 65535)]


def user_id(value: int) -> list[str]:
    return [] if 0 <= value <= 0x7FFFFFFF else [in_range(0, 0x7FFFFFFF)]


def http_header(value: str) -> list[str]:
    if _HEADER.match(value):
        return []
    return [
        _bad_format(
            "a valid HTTP header must consist of alphanumeric characters or '-'", _HEADER_FORMAT, "X-Header-Name"
        )
    ]


def percent(value: str) -> list[str]:
    if _PERCENT.match(value):
        return []
    text = "a valid percent string must be a numeric string followed by an ending '%'"
    return [_bad_format(text, _PERCENT_FORMAT, "1%", "93%")]


def domain_prefixed_path(value: str) -> list[str]:
    """`acme.io/foo`: signer names, managedBy."""
    host, slash, path = value.partition("/")
    if not (slash and host and path):
        return ['must be a domain-prefixed path (such as "acme.io/foo")']
    errors = dns1123_subdomain(host)
    if not _HTTP_PATH.match(path):
        errors.append(_bad_format("Invalid path", _PATH_FORMAT))
    return errors


def for_prefix(check: Check) -> Callable[[str, bool], list[str]]:
    """`check` as a Kind's `check_name`: a generateName prefix is tried with its trailing dash masked."""

    def check_name(name: str, is_prefix: bool) -> list[str]:
        return check(mask_trailing_dash(name) if is_prefix else name)

    return check_name


def mask_trailing_dash(name: str) -> str:
    """A prefix such as `web-` is completed by a random suffix, so its last dash is no mistake."""
    if len(name) > 1 and name.endswith("-"):
        return name[:-2] + "a"
    return name


RANDOM_LENGTH = 5
_BASE_MAX = 63 - RANDOM_LENGTH
RANDOM_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def random_suffix(draw: Callable[[int], int], length: int = RANDOM_LENGTH) -> str:
    """Letters that spell no words; `draw(n)` returns a number in [0, n), as `random.randrange` does."""
    return "".join(RANDOM_ALPHABET[draw(len(RANDOM_ALPHABET))] for _ in range(length))


def generate(base: str, suffix: str) -> str:
    """A generateName with its random suffix; a long base is cut so that the result is at most 63 long."""
    return base[:_BASE_MAX] + suffix
