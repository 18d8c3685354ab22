"""botocore's errors as hadr's: three sets of codes, and what a broken connection means for a change that was asked for.

A refused or timed-out connection means that nothing was sent; anything later (a timeout while reading, a 5xx, a connection that
broke) means that the request may have been carried out.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
)

from hadr.core.errors import CallError, Denied, Gone, Indefinite, Rejected, Throttled, Unreachable

NOT_FOUND = frozenset(
    {
        "404",
        "NoSuchKey",
        "NoSuchBucket",
        "NoSuchHostedZone",
        "NotFound",
        "ResourceNotFoundException",
        "ReplicationNotFound",
        "FileSystemNotFound",
        "DBClusterNotFoundFault",
        "GlobalClusterNotFoundFault",
        "TargetGroupNotFound",
        "TargetGroupNotFoundException",
        "LoadBalancerNotFound",
    }
)
THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "TooManyRequests",
        "SlowDown",
        "PriorRequestNotComplete",
        "RequestThrottled",
    }
)
DENIED = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "ExpiredTokenException",
        "AuthFailure",
        "EmulatorUnsupported",
    }
)
NOTHING_SENT = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
OURS_TO_MEND = (NoCredentialsError, PartialCredentialsError, ParamValidationError)


def translate(error: ClientError | BotoCoreError, where: str) -> CallError:
    """The hadr error for what botocore raised; `where` names service, operation and Region."""
    if isinstance(error, ClientError):
        return _by_code(error.response, where)
    if isinstance(error, OURS_TO_MEND):
        return Denied(f"{where}: {_line(error)}")
    if isinstance(error, NOTHING_SENT):
        return Unreachable(f"{where}: no connection ({type(error).__name__})")
    return Indefinite(f"{where}: {_line(error)}")


def _by_code(response: Any, where: str) -> CallError:
    code = str(response.get("Error", {}).get("Code", ""))
    message = " ".join(str(response.get("Error", {}).get("Message", "")).split())
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    text = f"{where}: {code} {message}".strip()
    if code in NOT_FOUND:
        return Gone(text)
    if code in THROTTLED:
        return Throttled(text)
    if code in DENIED:
        return Denied(text)
    return Indefinite(text) if status >= 500 else Rejected(text)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
