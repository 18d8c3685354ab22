"""The check of an EKS bearer token: a presigned STS GetCallerIdentity URL that was signed for one cluster.

`identity_of` is pure: the URL is read, never fetched, so a token cannot make the lab call anything. What STS would verify, the
signature, is computed again wherever the key's secret is known; the rest are the rules of the EKS authenticator.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import parse_qs, quote, urlsplit

from hadr_lab.aws.sts import caller_of

log = logging.getLogger(__name__)

PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"
LONGEST = 4096
LIFETIME = timedelta(minutes=15)
"""A token is good for so long after X-Amz-Date, whatever X-Amz-Expires says (which may not exceed it)."""

EARLY = timedelta(minutes=5)
"""How far the signer's clock may be ahead."""

PARAMETERS = frozenset(
    (
        "action",
        "version",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    )
)


class BadToken(Exception):
    """The token does not prove an identity; the message says why."""


class Holder(Protocol):
    """The holder of an access key, as `hadr_lab.aws.sts.caller_of` tells it."""

    @property
    def arn(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def secret(self) -> str | None: ...
    @property
    def role_arn(self) -> str: ...
    @property
    def session(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who holds a token. `arn` is that of the IAM user or role (what access entries name); `session` a role session's name."""

    arn: str
    account: str
    session: str = ""


@dataclass(frozen=True, slots=True)
class _Signed:
    """The parts of the presigned URL that are judged."""

    host: str
    path: str
    query: Mapping[str, str]

    @property
    def credential(self) -> tuple[str, str, str, str]:
        """Access key, day, Region and service of the credential scope."""
        key, day, region, service, end = (self.query.get("X-Amz-Credential") or "").split("/")
        if end != "aws4_request":
            raise ValueError(end)
        return key, day, region, service


def identity_of(token: str, cluster: str, resolve_key: Callable[[str], Holder], now: datetime | None = None) -> Identity:
    """The identity `token` proves to `cluster`. Raises BadToken. `resolve_key` finds the holder of an access key."""
    signed = _opened(token)
    _check_query(signed)
    _check_time(signed, now or datetime.now(UTC))
    try:
        key, _, _, service = signed.credential
    except ValueError as error:
        raise BadToken("X-Amz-Credential is not a credential scope") from error
    if service != "sts":
        raise BadToken(f"signed for {service}, not for sts")
    holder = resolve_key(key)
    if holder.secret is not None and not hmac.compare_digest(
        signature(signed, cluster, holder.secret), signed.query["X-Amz-Signature"]
    ):
        raise BadToken(f"the signature is not that of {key} for cluster {cluster}")
    return Identity(arn=holder.role_arn or holder.arn, account=holder.account, session=holder.session)


def _opened(token: str) -> _Signed:
    if not token.startswith(PREFIX):
        raise BadToken(f"does not begin with {PREFIX}")
    if len(token) > LONGEST:
        raise BadToken(f"longer than {LONGEST} characters")
    body = token.removeprefix(PREFIX)
    try:
        url = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True).decode("ascii")
        parts = urlsplit(url)
        query = parse_qs(parts.query, keep_blank_values=True, strict_parsing=True)
    except (binascii.Error, ValueError) as error:
        raise BadToken("is not a base64 URL") from error
    if parts.scheme not in ("https", "http") or parts.path not in ("", "/"):
        raise BadToken("is not the URL of an STS endpoint")
    doubled = [name for name, values in query.items() if len(values) > 1]
    if doubled:
        raise BadToken(f"has {doubled[0]} twice")
    return _Signed(parts.netloc, parts.path or "/", {name: values[0] for name, values in query.items()})


def _check_query(signed: _Signed) -> None:
    foreign = [name for name in signed.query if name.lower() not in PARAMETERS]
    if foreign:
        raise BadToken(f"has a query parameter that is not allowed: {foreign[0]}")
    if signed.query.get("Action") != "GetCallerIdentity":
        raise BadToken("is not a GetCallerIdentity request")
    headers = signed.query.get("X-Amz-SignedHeaders", "").split(";")
    if "host" not in headers or CLUSTER_HEADER not in headers:
        raise BadToken(f"does not sign host and {CLUSTER_HEADER}")
    if not signed.query.get("X-Amz-Signature"):
        raise BadToken("is not signed")


def _check_time(signed: _Signed, now: datetime) -> None:
    try:
        made = datetime.strptime(signed.query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        lasting = int(signed.query["X-Amz-Expires"])
    except (KeyError, ValueError) as error:
        raise BadToken("has no valid X-Amz-Date and X-Amz-Expires") from error
    if not 0 <= lasting <= LIFETIME.total_seconds():
        raise BadToken(f"X-Amz-Expires is {lasting}, which is not within 0 and {LIFETIME.total_seconds():.0f}")
    if now >= made + LIFETIME:
        raise BadToken(f"expired at {made + LIFETIME:%H:%M:%S}Z")
    if made - now > EARLY:
        raise BadToken(f"is from the future: {made:%H:%M:%S}Z")


def signature(signed: _Signed, cluster: str, secret: str) -> str:
    """The SigV4 signature that the holder of `secret` gives this URL for `cluster`."""
    _, day, region, service = signed.credential
    known = {"host": signed.host, CLUSTER_HEADER: cluster}
    names = signed.query["X-Amz-SignedHeaders"].split(";")
    headers = "".join(f"{name}:{known.get(name, '')}\n" for name in names)
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in signed.query.items())
    query = "&".join(f"{name}={value}" for name, value in pairs if name != "X-Amz-Signature")
    empty = hashlib.sha256(b"").hexdigest()
    canonical = "\n".join(("GET", signed.path, query, headers, ";".join(names), empty))
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", signed.query["X-Amz-Date"], scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def identify(token: str, cluster: str) -> str | None:
    """The ARN that `token` proves to `cluster` by the emulated IAM and STS, or None; why not is logged."""
    try:
        return identity_of(token, cluster, caller_of).arn
    except BadToken as error:
        log.info("token refused cluster=%s: %s", cluster, error)
        return None
