"""Where a request belongs: which service, which Region, whose key. Decided from the request's bytes alone.

AWS's clients say it themselves in the SigV4 credential scope, in the Authorization header or in the query of a presigned URL.
An unsigned request has only its Host header and path. Nothing here checks a signature or looks at state.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote_to_bytes

from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY, environ_key_for_header, should_preserve_original_header_name

ALIASES: Mapping[str, str] = {
    "elasticfilesystem": "efs",
    "servicequotas": "service-quotas",
    "monitoring": "cloudwatch",
    "elasticloadbalancing": "elbv2",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
    "aps": "amp",
    "email": "ses",
    "eventbridge": "events",
    "application-autoscaling": "application-autoscaling",
}
"""SigV4 signing name to boto3's service name, where they differ."""

CREDENTIAL = re.compile(rb"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
PRESIGNED = re.compile(rb"(?:^|&)X-Amz-Credential=([^&]+)")
PRESIGNED_PARTS = re.compile(rb"([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
S3_HOST = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.)?(?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?::\d+)?"
)
HOST = re.compile(r"(?P<service>[a-z0-9-]+)\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?::\d+)?")
UNSIGNED_ACTIONS = re.compile(rb"(?:^|&)Action=(?:AssumeRoleWithWebIdentity|AssumeRoleWithSAML)(?:&|$)")
CLASSIC_BALANCER = re.compile(rb"(?:^|&)Version=2012-06-01(?:&|$)")


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """One HTTP request as it arrived; header names are lower case, everything else is byte for byte."""

    method: str
    raw_path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @cached_property
    def by_name(self) -> Mapping[str, str]:
        """Headers by lower-case name; the last of several equal names wins."""
        return {name.decode("latin1"): value.decode("latin1") for name, value in self.headers}

    def header(self, name: str) -> str:
        """The header's value, or nothing."""
        return self.by_name.get(name, "")

    def environ(self, authorization: str = "") -> dict[str, Any]:
        """A WSGI environment for werkzeug; `authorization` stands in when the request carries its credentials in the query."""
        path, query = self.raw_path.decode("latin1"), self.query.decode("latin1")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "PATH_INFO": unquote_to_bytes(self.raw_path).decode("latin1"),
            "RAW_URI": f"{path}?{query}" if query else path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_LENGTH": str(len(self.body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.errors": sys.stderr,
        }
        names: dict[str, str] = {}
        for name, value in self.by_name.items():
            if name in ("content-length", "transfer-encoding", "expect"):
                continue
            key = environ_key_for_header(name)
            environ[key] = value
            if should_preserve_original_header_name(name):
                names[key] = name
        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = names
        if authorization and "HTTP_AUTHORIZATION" not in environ:
            environ["HTTP_AUTHORIZATION"] = authorization
        return environ


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Service (boto3's name), Region and access key of a request; no key means that it is anonymous."""

    service: str
    region: str
    access_key: str = ""

    @property
    def authorization(self) -> str:
        """The least Authorization header that says the same, for a request that has none."""
        if not self.access_key:
            return ""
        return f"AWS4-HMAC-SHA256 Credential={self.access_key}/20000101/{self.region}/{self.service}/aws4_request"


def scope_of(request: Incoming, *, region: str) -> Scope:
    """The scope of `request`; `region` is used where the request itself names none."""
    found = CREDENTIAL.search(request.header("authorization").encode("latin1"))
    if not found and (presigned := PRESIGNED.search(request.query)):
        found = PRESIGNED_PARTS.fullmatch(unquote_to_bytes(presigned[1]))
    if found:
        key, named, signing = (part.decode("latin1") for part in found.groups())
        return Scope(service=_service(signing, request), region=named, access_key=key)
    return _anonymous(request, region)


def _service(signing: str, request: Incoming) -> str:
    """Boto3's name for a signing name; some services share one and differ by version or path."""
    if signing == "s3" and request.raw_path.startswith(b"/v20180820/"):
        return "s3control"
    if signing == "elasticloadbalancing" and CLASSIC_BALANCER.search(request.body or request.query):
        return "elb"
    return ALIASES.get(signing, signing)


def _anonymous(request: Incoming, region: str) -> Scope:
    """Unsigned: role assumption by a token, a service's own host name, or a public read of S3."""
    if UNSIGNED_ACTIONS.search(request.body) or UNSIGNED_ACTIONS.search(request.query):
        return Scope(service="sts", region=region)
    host = request.header("host")
    if s3 := S3_HOST.fullmatch(host):
        return Scope(service="s3", region=s3["region"] or region)
    if named := HOST.fullmatch(host):
        return Scope(service=_service(named["service"], request), region=named["region"])
    return Scope(service="s3", region=region)
