"""File paths that must stay inside a volume.

Upstream: validatePathNoBacksteps, validateLocalDescendingPath, ValidateLocalNonReservedPath.
"""

from __future__ import annotations

from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path


def has_backstep(path: str) -> bool:
    """Whether any element is `..`."""
    return ".." in path and ".." in path.split("/")


def no_backsteps(text: str, path: Path) -> FieldErrors:
    return [fe.invalid(path, text, "must not contain '..'")] if has_backstep(text) else []


def descending_path(text: str, path: Path) -> FieldErrors:
    """Relative, and never upwards."""
    errors: FieldErrors = []
    if text.startswith("/"):
        errors.append(fe.invalid(path, text, "must be a relative path"))
    return errors + no_backsteps(text, path)


def non_reserved_path(text: str, path: Path, field: str) -> FieldErrors:
    """`field` is a descending path whose first element is not one of the names that volumes keep for themselves."""
    if not text.startswith(("/", "..")) and not has_backstep(text):
        return []
    path = path / field
    errors = descending_path(text, path)
    if text.startswith("..") and not text.startswith("../"):
        errors.append(fe.invalid(path, text, "must not start with '..'"))
    return errors
