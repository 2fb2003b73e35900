"""`create job` and `create cronjob`: one container that runs an image, or a job like those of a cron job."""

from __future__ import annotations

from typing import Any

from kubelite.cli.failures import CliError, UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.generators.base import generator
from kubelite.cli.session import Object, Session

MANUAL = "cronjob.kubernetes.io/instantiate"


def _name_and_command(parsed: Parsed) -> tuple[str, list[str]]:
    if not parsed.args:
        raise UsageError("exactly one NAME is required, got 0")
    if len(parsed.args) > 1 and parsed.dash != 1:
        raise UsageError(f"exactly one NAME is required, got {len(parsed.args)}")
    return parsed.args[0], list(parsed.args[1:])


def _job_spec(name: str, image: str, command: list[str], restart: str) -> Object:
    container: dict[str, Any] = {"name": name, "image": image}
    if command:
        container["command"] = command
    spec = {"containers": [container | {"resources": {}}], "restartPolicy": restart}
    return {"template": {"metadata": {"creationTimestamp": None}, "spec": spec}}


def _job(name: str, spec: Object, **metadata: Any) -> Object:
    return {
        "kind": "Job",
        "apiVersion": "batch/v1",
        "metadata": {"name": name, "creationTimestamp": None, **metadata},
        "spec": spec,
        "status": {},
    }


def job(parsed: Parsed) -> Object:
    """The job of --image; of --from only the name, for `like_cron_job` to complete."""
    name, command = _name_and_command(parsed)
    image, source = parsed.text("image"), parsed.text("from")
    if bool(image) == bool(source):
        raise CliError("either --image or --from must be specified")
    if not source:
        return _job(name, _job_spec(name, image, command, "Never"))
    if command:
        raise CliError("cannot specify --from and command")
    return _job(name, {})


async def like_cron_job(obj: Object, parsed: Parsed, session: Session) -> Object:
    """The job that the cron job of --from would start. Raises CliError, StatusError 404."""
    source = parsed.text("from")
    if not source:
        return obj
    word, _, name = source.partition("/")
    resource = (await session.resources()).named(word if name else "cronjobs")
    if resource.kind != "CronJob":
        raise CliError("from must be an existing cronjob")
    cron_job = await session.get(resource, session.namespace, name or word)
    template = cron_job["spec"]["jobTemplate"]
    metadata = template.get("metadata") or {}
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": cron_job["metadata"]["name"],
        "uid": cron_job["metadata"]["uid"],
        "controller": True,
    }
    more: dict[str, Any] = {"annotations": (metadata.get("annotations") or {}) | {MANUAL: "manual"}}
    if metadata.get("labels"):
        more["labels"] = metadata["labels"]
    if obj["metadata"].get("namespace"):
        more["namespace"] = obj["metadata"]["namespace"]
    return _job(obj["metadata"]["name"], template["spec"], ownerReferences=[owner], **more)


def cron_job(parsed: Parsed) -> Object:
    name, command = _name_and_command(parsed)
    missing = [f'"{flag}"' for flag in ("image", "schedule") if not parsed.text(flag)]
    if missing:
        raise CliError(f"required flag(s) {', '.join(missing)} not set")
    spec = _job_spec(name, parsed.text("image"), command, parsed.text("restart") or "OnFailure")
    return {
        "kind": "CronJob",
        "apiVersion": "batch/v1",
        "metadata": {"name": name, "creationTimestamp": None},
        "spec": {
            "schedule": parsed.text("schedule"),
            "jobTemplate": {"metadata": {"name": name, "creationTimestamp": None}, "spec": spec},
        },
        "status": {},
    }


JOB = generator(
    "job",
    "Create a job with the specified name",
    "create job NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...]",
    job,
    complete_from_server=like_cron_job,
    examples=(
        ("Create a job", "create job my-job --image=busybox"),
        ("Create a job with a command", "create job my-job --image=busybox -- date"),
        ("Create a job like those of a cron job", "create job test-job --from=cronjob/a-cronjob"),
    ),
    flags=(Flag("image", "Image name to run."), Flag("from", "The cron job to create a job from.")),
)
CRON_JOB = generator(
    "cronjob",
    "Create a cron job with the specified name",
    "create cronjob NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...]",
    cron_job,
    aliases=("cj",),
    examples=(
        ("Create a cron job", 'create cronjob my-job --image=busybox --schedule="*/1 * * * *"'),
        ("Create a cron job with a command", 'create cronjob my-job --image=busybox --schedule="*/1 * * * *" -- date'),
    ),
    flags=(
        Flag("image", "Image name to run."),
        Flag("schedule", "A schedule in the cron format the job should be run with."),
        Flag("restart", "The job's restart policy: OnFailure or Never."),
    ),
)
