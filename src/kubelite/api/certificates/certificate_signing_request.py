"""CertificateSigningRequest: somebody asks for a certificate, somebody approves, a signer signs.

What: the request never changes after creation; `approval` changes the conditions Approved and Denied, `status` the certificate
and other conditions. Why: who may approve is not who may sign. Flow: the write path sets who asks (`set_requester`); parsing of
certificates is in `pem`. Upstream: pkg/apis/certificates/validation, pkg/registry/certificates/certificates/strategy.go.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.certificates import pem
from kubelite.api.core import payload
from kubelite.api.types import certificates_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names, times
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, Subresource

SPEC, STATUS = Path("spec"), Path("status")
APPROVED, DENIED, FAILED = "Approved", "Denied", "Failed"
LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
MIN_EXPIRATION = 600
USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)
Request = v1.CertificateSigningRequest
Condition = v1.CertificateSigningRequestCondition


def set_defaults(request: Request) -> None:
    """Nothing to fill in; bytes that are not base64 are refused here, as decoding does upstream."""
    values = {"request": request.spec.request, "certificate": request.status.certificate}
    payload.check_base64("CertificateSigningRequest", {key: text for key, text in values.items() if text})


def set_requester(request: Request, user: Any) -> None:
    """Who asks is known to the server, not said by the client."""
    spec = request.spec
    spec.username, spec.uid, spec.groups = user.name, user.uid, list(user.groups)
    spec.extra = {key: list(values) for key, values in user.extra.items()}


def prepare_create(request: Request) -> None:
    """Nobody creates an approved request."""
    request.status = v1.CertificateSigningRequestStatus()


def prepare_update(new: Request, old: Request) -> None:
    """Only metadata changes."""
    new.spec, new.status = old.spec, old.status


def prepare_status_update(new: Request, old: Request) -> None:
    """The spec stays; decisions stay where the update did not add or remove one, which validation reports."""
    new.spec = old.spec
    for type_ in (APPROVED, DENIED):
        before, after = _of_type(old, type_), _of_type(new, type_)
        if len(before) == len(after):
            kept = iter(before)
            new.status.conditions = [next(kept) if one.type == type_ else one for one in new.status.conditions]
    _set_times(new, old)


def prepare_approval(new: Request, old: Request) -> None:
    """An approval changes conditions only."""
    new.spec = old.spec
    new.status = v1.CertificateSigningRequestStatus(
        certificate=old.status.certificate, conditions=new.status.conditions
    )
    _set_times(new, old)


def _of_type(request: Request, type_: str) -> list[Condition]:
    return [one for one in request.status.conditions if one.type == type_]


def _set_times(new: Request, old: Request) -> None:
    """Conditions without times got them now; a status that was there before keeps its time of transition."""
    now = times.now_text(datetime.now(UTC))
    before = {(one.type, one.status): one.lastTransitionTime for one in old.status.conditions}
    for condition in new.status.conditions:
        condition.lastUpdateTime = condition.lastUpdateTime or now
        if condition.lastTransitionTime is None:
            condition.lastTransitionTime = before.get((condition.type, condition.status)) or now


def check_name(name: str, is_prefix: bool) -> list[str]:
    """Any name will do."""
    return []


def validate(request: Request) -> FieldErrors:
    """A request that is signed by its own key, known usages, a signer, and a status that makes sense."""
    spec = request.spec
    errors: FieldErrors = []
    why = pem.wrong_with_request(spec.request)
    if why:
        errors.append(fe.invalid(SPEC / "request", spec.request, why))
    errors += _validate_usages(spec.usages, SPEC / "usages")
    if spec.signerName == LEGACY_SIGNER:
        detail = "the legacy signerName is not allowed via this API version"
        errors.append(fe.invalid(SPEC / "signerName", spec.signerName, detail))
    else:
        errors += validate_signer_name(spec.signerName, SPEC / "signerName")
    seconds = spec.expirationSeconds
    if seconds is not None and seconds < MIN_EXPIRATION:
        detail = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(fe.invalid(SPEC / "expirationSeconds", seconds, detail))
    return errors + _validate_status(request)


def _validate_usages(usages: list[str], path: Path) -> FieldErrors:
    errors = [] if usages else [fe.required(path)]
    for index, usage in enumerate(usages):
        if usage not in USAGES:
            errors.append(fe.not_supported(path.index(index), usage, USAGES))
    for index, usage in enumerate(usages):
        if usage in usages[:index]:
            errors.append(fe.duplicate(path.index(index), usage))
    return errors


def validate_signer_name(name: str, path: Path) -> FieldErrors:
    """`example.com/signer-name`: a domain of at least two parts, and a path of names."""
    if not name:
        return [fe.required(path)]
    parts = name.split("/")
    if len(parts) != 2:
        detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [fe.invalid(path, name, detail)]
    domain, rest = parts
    errors: FieldErrors = []
    if len(domain) > names.SUBDOMAIN_MAX:
        errors.append(fe.too_long(path, names.SUBDOMAIN_MAX))
    for value, test in ((domain, names.dns1123_label), (rest, names.dns1123_subdomain)):
        for label in value.split("."):
            errors += [fe.invalid(path, value, f'validating label "{label}": {why}') for why in test(label)]
        if value is domain and "." not in domain:
            detail = "should be a domain with at least two segments separated by dots"
            errors.append(fe.invalid(path, domain, detail))
    longest = 2 * names.SUBDOMAIN_MAX + names.LABEL_MAX + 2
    if len(name) > longest:
        errors.append(fe.too_long(path, longest))
    return errors


def _validate_status(request: Request) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, condition in enumerate(request.status.conditions):
        path = (STATUS / "conditions").index(index)
        if not condition.type:
            errors.append(fe.required(path / "type"))
        decided = condition.type in (APPROVED, DENIED, FAILED)
        errors += check.one_of(
            path / "status", condition.status, ("True",) if decided else ("False", "True", "Unknown")
        )
        other = {APPROVED: DENIED, DENIED: APPROVED}.get(condition.type)
        if other in seen:
            detail = "Approved and Denied conditions are mutually exclusive"
            errors.append(fe.invalid(path / "type", condition.type, detail))
        if condition.type in seen:
            errors.append(fe.duplicate(path / "type", condition.type))
        seen.add(condition.type)
    return errors


def _validate_change(new: Request, old: Request, *, decides: bool, signs: bool) -> FieldErrors:
    """Decisions are never taken back; only an approval makes one, only a status update sets the certificate."""
    path = STATUS / "conditions"
    errors: FieldErrors = []
    for type_ in (APPROVED, DENIED, FAILED):
        before, after = _of_type(old, type_), _of_type(new, type_)
        if len(after) < len(before):
            errors.append(fe.forbidden(path, f'updates may not remove a condition of type "{type_}"'))
        elif type_ == FAILED or decides:
            continue
        elif len(after) > len(before):
            errors.append(fe.forbidden(path, f'updates may not add a condition of type "{type_}"'))
        elif after != before:
            errors.append(fe.forbidden(path, f'updates may not modify a condition of type "{type_}"'))
    if new.status.certificate != old.status.certificate:
        here = STATUS / "certificate"
        if not signs:
            errors.append(fe.forbidden(here, "updates may not set certificate content"))
        elif old.status.certificate:
            errors.append(fe.forbidden(here, "updates may not modify existing certificate content"))
        why = pem.wrong_with_certificates(new.status.certificate)
        if why:
            errors.append(fe.invalid(here, "<certificate data>", why))
    return errors


def validate_update(new: Request, old: Request) -> FieldErrors:
    """An ordinary update changes nothing of this."""
    return _validate_change(new, old, decides=False, signs=False)


def validate_status_update(new: Request, old: Request) -> FieldErrors:
    """The signer's part: the certificate, once."""
    return _validate_status(new) + _validate_change(new, old, decides=False, signs=True)


def validate_approval(new: Request, old: Request) -> FieldErrors:
    """The approver's part: the decision, once."""
    return _validate_status(new) + _validate_change(new, old, decides=True, signs=False)


def row(request: Request, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    seconds = request.spec.expirationSeconds
    return [
        request.metadata.name,
        columns.age(request, now),
        columns.or_none(request.spec.signerName),
        request.spec.username,
        times.age(seconds) if seconds is not None else columns.NONE,
        _state(request),
    ]


def _state(request: Request) -> str:
    types = {condition.type for condition in request.status.conditions}
    found = DENIED if DENIED in types else APPROVED if APPROVED in types else "Pending"
    if FAILED in types:
        found += ",Failed"
    return f"{found},Issued" if request.status.certificate else found


CERTIFICATE_SIGNING_REQUEST = Kind(
    group="certificates.k8s.io",
    version="v1",
    kind="CertificateSigningRequest",
    plural="certificatesigningrequests",
    type=v1.CertificateSigningRequest,
    namespaced=False,
    short_names=("csr",),
    subresources=(
        Subresource(name="approval", verbs=STATUS_VERBS),
        Subresource(name="status", verbs=STATUS_VERBS),
    ),
    set_defaults=set_defaults,
    set_requester=set_requester,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    check_name=check_name,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status_update=prepare_status_update,
    columns=(
        Column(name="Name", format="name", description="Name of the request."),
        Column(name="Age", description="How long the object exists."),
        Column(name="SignerName", description="Who is to sign."),
        Column(name="Requestor", description="Who asks."),
        Column(name="RequestedDuration", description="How long the certificate is to be valid."),
        Column(name="Condition", description="What was decided."),
    ),
    row=row,
    selectable={"spec.signerName": lambda request: str(request.spec.signerName)},
)
