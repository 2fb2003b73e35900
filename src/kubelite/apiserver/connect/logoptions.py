"""The query of a log request: read, checked, and written as the kubelet wants it.

Source: pkg/apis/core/validation.ValidatePodLogOptions, pkg/registry/core/pod/strategy.go (LogLocation).
"""

from __future__ import annotations

from kubelite.apiserver.request import Request
from kubelite.machinery import errors, fielderrors, times
from kubelite.machinery.fielderrors import FieldError, Path

FLAGS = ("follow", "previous", "timestamps")
LOWEST = {"tailLines": 0, "limitBytes": 1, "sinceSeconds": 1}
STREAMS = ("All", "Stdout", "Stderr")


def log_query(request: Request) -> list[tuple[str, str]]:
    """The kubelet's query, sorted. Raises StatusError 400 for text where a number must be, 422 for wrong values."""
    found: dict[str, str] = {}
    wrong: list[FieldError] = []
    for name in FLAGS:
        values = request.query.get(name)
        if values and values[0].lower() not in ("false", "0"):
            found[name] = "true"
    for name, lowest in LOWEST.items():
        text = request.param(name)
        if text:
            number = _number(name, text)
            found[name] = str(number)
            if number < lowest:
                words = "greater than or equal to 0" if lowest == 0 else "greater than 0"
                wrong.append(fielderrors.invalid(Path(name), number, f"must be {words}"))
    _since(request, found, wrong)
    stream = request.param("stream")
    if stream:
        if stream not in STREAMS:
            wrong.append(fielderrors.not_supported(Path("stream"), stream, STREAMS))
        elif stream != "All" and "tailLines" in found:
            text = "`tailLines` and specific `stream` are mutually exclusive for now"
            wrong.append(fielderrors.forbidden(Path(""), text))
        found["stream"] = stream
    if wrong:
        raise errors.invalid("", "PodLogOptions", request.info.name, wrong)
    return sorted(found.items())


def _since(request: Request, found: dict[str, str], wrong: list[FieldError]) -> None:
    text = request.param("sinceTime")
    if not text:
        return
    try:
        times.parse(text)
    except ValueError:
        raise errors.bad_request(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse') from None
    if "sinceSeconds" in found:
        words = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        wrong.append(fielderrors.forbidden(Path(""), words))
    found["sinceTime"] = text


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
