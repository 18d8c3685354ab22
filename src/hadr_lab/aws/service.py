"""What a service of our own is made of: the error, the base class, and the locks that keep moto's backends whole.

A service is a class below moto's BaseResponse with one method per operation (snake case), which returns `ActionResult` of an
AWS-shaped dict or raises `AwsError`. It is registered by giving `Front` a mapping from boto3's service name (`rds`, `efs`,
`eks`, `ec2`, `elbv2`, `route53`, `arc-zonal-shift`, ...) to the class; a service that is not in the mapping is moto's.

A service moto lacks:      class Shift(AwsService): name = "arc-zonal-shift"
One that refines moto's:   class Rds(AwsService, RDSResponse): ...      (AwsService first; moto's own __init__ is used)
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, ClassVar
from xml.sax.saxutils import escape

import msgspec
from moto.core.exceptions import ServiceException
from moto.core.request import determine_request_protocol
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model

Wire = tuple[int, dict[str, str], str | bytes]
"""One HTTP answer: status, headers, body."""


class AwsError(ServiceException):
    """An error answer of the emulated API: AWS's code, a message, and an HTTP status (None: the service model's, else 400).

    `members` are further fields that the model gives to this error (EKS: clusterName, nodegroupName).
    """

    def __init__(self, code: str, message: str, status: int | None = None, **members: Any) -> None:
        super().__init__(code, message)
        self.status = status
        for name, value in members.items():
            setattr(self, name, value)


class AwsService(BaseResponse):
    """Base of services of our own. `name` is boto3's; leave it empty when the other base class is moto's.

    `self.inputs()` gives the parsed input by the API's own member names, for every wire protocol. `_get_param` keeps the
    meaning that the moto class has given it.
    """

    name: ClassVar[str] = ""

    def __init__(self) -> None:
        if self.name:
            super().__init__(service_name=self.name)
            self.automated_parameter_parsing = True
        else:
            super().__init__()

    def inputs(self) -> dict[str, Any]:
        """The operation's input, AWS-shaped, path and query members included."""
        if not self.automated_parameter_parsing:
            self.parse_parameters(self.normalized_request)
        return dict(self.params)

    def serialized(self, action_result: ActionResult) -> Wire:
        """Serialize as moto does, but with AwsError's own status, and without a warning for codes outside the model."""
        error = action_result.result
        if not isinstance(error, AwsError):
            return super().serialized(action_result)
        model = get_service_model(self.boto3_service_name)
        protocol = determine_request_protocol(model, self.headers.get("Content-Type", ""))
        if error.code not in _modelled(self.boto3_service_name):
            return error_answer(protocol, error.code, error.message, error.status or 400, s3=model.service_name == "s3")
        status, headers, body = super().serialized(action_result)
        return error.status or status, headers, body


_MODELLED: dict[str, frozenset[str]] = {}


def _modelled(service: str) -> frozenset[str]:
    """The error codes the service model of `service` knows."""
    if service not in _MODELLED:
        shapes = get_service_model(service).error_shapes
        _MODELLED[service] = frozenset(s.name for s in shapes) | frozenset(str(s.error_code) for s in shapes)
    return _MODELLED[service]


REQUEST_ID = "00000000-0000-4000-8000-000000000000"


def error_answer(protocol: str, code: str, message: str, status: int, *, s3: bool = False) -> Wire:
    """An error in the wire format of `protocol` (query, ec2, json, rest-json, rest-xml), whatever the service model says."""
    if protocol in ("json", "rest-json"):
        body = msgspec.json.encode({"__type": code, "message": message})
        kind = "application/json" if protocol == "rest-json" else "application/x-amz-json-1.1"
        return status, {"content-type": kind, "x-amzn-errortype": code, "x-amzn-requestid": REQUEST_ID}, body
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "ec2":
        xml = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
    elif s3:
        xml = f"<Error>{inner}<RequestId>{REQUEST_ID}</RequestId></Error>"
    else:
        xml = f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    return status, {"content-type": "text/xml", "x-amzn-requestid": REQUEST_ID}, f'<?xml version="1.0"?>\n{xml}'


@dataclass(slots=True)
class ServiceLocks:
    """A re-entrant lock per service: moto's backends are not thread-safe.

    The front holds a service's lock while it answers; whoever reads backends from outside a request takes it too.
    """

    _locks: dict[str, threading.RLock] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def of(self, service: str) -> threading.RLock:
        """The lock of `service` (boto3's name)."""
        with self._guard:
            return self._locks.setdefault(service, threading.RLock())
