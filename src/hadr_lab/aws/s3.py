"""S3 on moto's backend, with the things of AWS that a switch object depends on.

A bucket answers in its own Region only (elsewhere: 301 PermanentRedirect); an anonymous request gets what the bucket policy or an
ACL gives to everybody, and nothing else; a new bucket blocks public access until its owner says otherwise; and a bucket whose
versioning was suspended loses a version only when that one is deleted.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

from moto.core.request import Request
from moto.s3.models import FakeBucket, FakeKey, PublicAccessBlock, S3Backend, s3_backends
from moto.s3.responses import S3Response
from moto.s3.utils import bucket_policy_is_public

from hadr_lab.aws.service import AwsError, AwsService, Wire, error_answer

VIRTUAL_HOST = re.compile(r"(?P<bucket>.+)\.s3[.-][a-z0-9.-]*amazonaws\.com(?::\d+)?")


class Buckets(S3Backend):
    """moto's buckets, with the versions of those whose versioning is suspended."""

    def delete_object(
        self, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> tuple[bool, dict[str, Any]]:
        """Delete one version; without a version, hide the others. moto forgets all of them as soon as versioning is suspended."""
        bucket = self.get_bucket(bucket_name)
        if bucket.versioning_status != "Suspended" or key_name not in bucket.keys:
            return super().delete_object(bucket_name, key_name, version_id, bypass)
        if version_id is None:
            marker = self._set_delete_marker(bucket_name, key_name)
            return True, {"version-id": marker.version_id, "delete-marker": "true"}
        left = [version for version in bucket.keys.getlist(key_name) if str(version.version_id) != str(version_id)]
        bucket.keys.setlist(key_name, left)
        if not left:
            bucket.keys.pop(key_name)
        return True, {"version-id": version_id}


def start_empty(account: str) -> None:
    """Forget the account's buckets, whoever made them; those to come are `Buckets`."""
    for backend in s3_backends[account].values():
        backend.reset()
    s3_backends.pop(account)
    s3_backends.backend = Buckets


class S3(AwsService, S3Response):
    """moto's S3 behind AWS's rules of place and of anonymous access."""

    def _dispatch(self, request: Request, full_url: str | None = None, headers: Any = None) -> Wire:
        url = full_url or request.raw_url
        bucket_name, key_name = where(request)
        bucket = find(bucket_name)
        try:
            if bucket is not None:
                self._refuse(request, bucket, key_name, _region(request))
            elif bucket_name and "Authorization" not in request.headers:
                raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
        except AwsError as refusal:
            return _refusal(refusal, request, bucket_name)
        if key_name:
            answer: Wire = self.key_response(request, url, headers)
        else:
            answer = self.bucket_response(request, url, headers)
        created = find(bucket_name)
        if bucket is None and created is not None:
            created.public_access_block = PublicAccessBlock(True, True, True, True)
        return answer

    def _refuse(self, request: Request, bucket: FakeBucket, key_name: str, region: str) -> None:
        """Raise AwsError when AWS would not let the request at this bucket, here, by this caller."""
        if bucket.region_name != region and request.method != "OPTIONS":
            raise AwsError("PermanentRedirect", f"The bucket is in {bucket.region_name}; address it there.", 301)
        if "Authorization" not in request.headers:
            _admit_anybody(request, bucket, key_name)
        elif request.method == "PUT" and not key_name and "policy" in request.args:
            blocked = bucket.public_access_block
            if blocked and blocked.block_public_policy and bucket_policy_is_public(request.get_data()):
                raise AwsError("AccessDenied", "public policies are blocked by the bucket's BlockPublicPolicy setting", 403)


def where(request: Request) -> tuple[str, str]:
    """Bucket and key a request names, virtual-host style or path style; nothing for what it does not name."""
    path = unquote(request.raw_path).removeprefix("/")
    if virtual := VIRTUAL_HOST.fullmatch(request.headers.get("Host", "")):
        return virtual["bucket"], path
    bucket, _, key = path.partition("/")
    return bucket, key


def find(bucket_name: str) -> FakeBucket | None:
    """The bucket of that name, whichever account owns it."""
    owner = s3_backends.bucket_accounts.get(bucket_name)
    return s3_backends[owner[1]][owner[0]].buckets.get(bucket_name) if owner else None


def _region(request: Request) -> str:
    """The Region a request was sent to: that of its scope, else of its host name, else (path style, unsigned) any."""
    if scope := re.search(r"Credential=[^/]+/\d+/([^/]+)/", request.headers.get("Authorization", "")):
        return scope[1]
    host = re.search(r"s3[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com", request.headers.get("Host", ""))
    if host:
        return host[1]
    bucket = find(where(request)[0])
    return str(bucket.region_name) if bucket else "us-east-1"


def _admit_anybody(request: Request, bucket: FakeBucket, key_name: str) -> None:
    """Raise AwsError unless everybody may do this. A missing object is only told to those who may list the bucket."""
    if request.method not in ("GET", "HEAD") or not key_name or request.query_string:
        raise AwsError("AccessDenied", "Access Denied", 403)
    key = bucket.keys.get(key_name)
    if not may_anybody(bucket, "s3:GetObject", f"arn:aws:s3:::{bucket.name}/{key_name}") and not _public_acl(bucket, key):
        raise AwsError("AccessDenied", "Access Denied", 403)
    if key is None:
        if may_anybody(bucket, "s3:ListBucket", f"arn:aws:s3:::{bucket.name}"):
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
        raise AwsError("AccessDenied", "Access Denied", 403)


def may_anybody(bucket: FakeBucket, action: str, resource: str) -> bool:
    """Whether the bucket policy allows `action` to everyone. A statement with conditions never allows, but does deny."""
    blocked = bucket.public_access_block
    if bucket.policy is None or (blocked and blocked.restrict_public_buckets):
        return False
    effects = {
        statement.get("Effect")
        for statement in _listed(json.loads(bucket.policy).get("Statement"))
        if _applies(statement, action, resource) and (statement.get("Effect") == "Deny" or "Condition" not in statement)
    }
    return effects == {"Allow"}


def _applies(statement: dict[str, Any], action: str, resource: str) -> bool:
    principal = statement.get("Principal")
    everybody = principal == "*" or (isinstance(principal, dict) and "*" in _listed(principal.get("AWS")))
    actions = (str(a).lower() for a in _listed(statement.get("Action")))
    return (
        everybody
        and any(fnmatchcase(action.lower(), pattern) for pattern in actions)
        and any(fnmatchcase(resource, str(pattern)) for pattern in _listed(statement.get("Resource")))
    )


def _public_acl(bucket: FakeBucket, key: FakeKey | None) -> bool:
    blocked = bucket.public_access_block
    return bool(key and key.acl and key.acl.public_read and not (blocked and blocked.ignore_public_acls))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _refusal(refusal: AwsError, request: Request, bucket_name: str) -> Wire:
    status, headers, body = error_answer("rest-xml", refusal.code, refusal.message, refusal.status or 400, s3=True)
    bucket = find(bucket_name)
    if bucket is not None:
        headers["x-amz-bucket-region"] = str(bucket.region_name)
    return status, headers, "" if request.method == "HEAD" else body
