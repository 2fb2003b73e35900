"""`describe job` and `describe cronjob`. Follows kubectl/pkg/describe/describe.go."""

from __future__ import annotations

from kubelite.cli.describe import text
from kubelite.cli.describe.pod import template
from kubelite.cli.describe.text import Lines, Object
from kubelite.machinery import times


def _labels(lines: Lines, obj: Object) -> None:
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))


def job(lines: Lines, obj: Object, found: Object) -> None:
    """What is to succeed, how often, and how far it has come."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    text.name_of(lines, obj)
    if spec.get("selector"):
        lines.add(0, f"Selector:\t{text.selector_text(spec['selector'])}")
    _labels(lines, obj)
    text.controlled_by(lines, obj)
    if spec.get("parallelism") is not None:
        lines.add(0, f"Parallelism:\t{spec['parallelism']}")
    lines.add(0, f"Completions:\t{spec['completions'] if spec.get('completions') is not None else '<unset>'}")
    if spec.get("completionMode"):
        lines.add(0, f"Completion Mode:\t{spec['completionMode']}")
    if spec.get("suspend") is not None:
        lines.add(0, f"Suspend:\t{str(spec['suspend']).lower()}")
    if spec.get("backoffLimit") is not None:
        lines.add(0, f"Backoff Limit:\t{spec['backoffLimit']}")
    if spec.get("ttlSecondsAfterFinished") is not None:
        lines.add(0, f"TTL Seconds After Finished:\t{spec['ttlSecondsAfterFinished']}")
    _times(lines, status)
    if spec.get("activeDeadlineSeconds") is not None:
        lines.add(0, f"Active Deadline Seconds:\t{spec['activeDeadlineSeconds']}s")
    _counts(lines, spec, status)
    template(lines, spec.get("template"))
    text.events(lines, found.get("events"))


def _times(lines: Lines, status: Object) -> None:
    started, completed = status.get("startTime"), status.get("completionTime")
    if started:
        lines.add(0, f"Start Time:\t{text.date(started)}")
    if completed:
        lines.add(0, f"Completed At:\t{text.date(completed)}")
    if started and completed:
        seconds = (times.parse(completed) - times.parse(started)).total_seconds()
        lines.add(0, f"Duration:\t{times.age(seconds)}")


def _counts(lines: Lines, spec: Object, status: Object) -> None:
    active, ready = status.get("active", 0), status.get("ready")
    running = f"{active} Active" if ready is None else f"{active} Active ({ready} Ready)"
    lines.add(
        0, f"Pods Statuses:\t{running} / {status.get('succeeded', 0)} Succeeded / {status.get('failed', 0)} Failed"
    )
    if spec.get("completionMode") == "Indexed":
        lines.add(0, f"Completed Indexes:\t{status.get('completedIndexes') or '<none>'}")


def _or_unset(value: object, tail: str = "") -> str:
    return "<unset>" if value is None else f"{value}{tail}"


def cron_job(lines: Lines, obj: Object, found: Object) -> None:
    """What is done when, and what was done."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    wanted = (spec.get("jobTemplate") or {}).get("spec") or {}
    text.name_of(lines, obj)
    _labels(lines, obj)
    lines.add(0, f"Schedule:\t{spec.get('schedule', '')}")
    if spec.get("timeZone") is not None:
        lines.add(0, f"Time Zone:\t{spec['timeZone']}")
    lines.add(0, f"Concurrency Policy:\t{spec.get('concurrencyPolicy', '')}")
    lines.add(0, f"Suspend:\t{_or_unset(spec.get('suspend'))}")
    lines.add(0, f"Successful Job History Limit:\t{_or_unset(spec.get('successfulJobsHistoryLimit'))}")
    lines.add(0, f"Failed Job History Limit:\t{_or_unset(spec.get('failedJobsHistoryLimit'))}")
    lines.add(0, f"Starting Deadline Seconds:\t{_or_unset(spec.get('startingDeadlineSeconds'), 's')}")
    selector = wanted.get("selector")
    lines.add(0, f"Selector:\t{text.selector_text(selector) if selector else '<unset>'}")
    lines.add(0, f"Parallelism:\t{_or_unset(wanted.get('parallelism'))}")
    lines.add(0, f"Completions:\t{_or_unset(wanted.get('completions'))}")
    if wanted.get("activeDeadlineSeconds") is not None:
        lines.add(0, f"Active Deadline Seconds:\t{wanted['activeDeadlineSeconds']}s")
    template(lines, wanted.get("template"))
    last = status.get("lastScheduleTime")
    lines.add(0, f"Last Schedule Time:\t{text.date(last) if last else '<unset>'}")
    active = ", ".join(one.get("name", "") for one in status.get("active") or ())
    lines.add(0, f"Active Jobs:\t{active or '<none>'}")
    text.events(lines, found.get("events"))
