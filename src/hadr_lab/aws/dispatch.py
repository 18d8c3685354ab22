"""From a request to the answer of a service class: our own where there is one, else moto's own class, called directly.

moto's WSGI application is not used: its routing stats some 180 directories for each request and knows only the operations
in its URL tables. An operation that nobody implements is `Unsupported`, never an HTML page.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import UnknownServiceError
from moto.core.request import Request, determine_request_protocol
from moto.core.responses import BaseResponse
from moto.core.routing import get_service_router
from moto.core.utils import camelcase_to_underscores, get_service_model
from werkzeug.exceptions import HTTPException, NotFound

from hadr_lab.aws.scope import Incoming, Scope
from hadr_lab.aws.service import ServiceLocks, Wire

MOTO_PACKAGES: Mapping[str, str] = {"lambda": "awslambda"}
"""boto3's service name to moto's package, where removing the hyphens does not give it."""


class Unsupported(Exception):
    """The emulator has nothing that can answer this operation; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Dispatch:
    """Finds the class and the operation of a request and calls it under the service's lock."""

    services: Mapping[str, type[BaseResponse]]
    locks: ServiceLocks
    _moto: dict[str, type[BaseResponse] | None] = field(default_factory=dict)

    def operation(self, scope: Scope, request: Incoming) -> str:
        """The operation's name, or nothing when the service model has none that fits."""
        if target := request.header("x-amz-target"):
            return target.rpartition(".")[2]
        try:
            found, _ = get_service_router(scope.service).match(Request(request.environ()))
        except (NotFound, NotImplementedError, UnknownServiceError):
            return ""
        return str(found.name)

    def protocol(self, scope: Scope, request: Incoming) -> str:
        """The wire protocol the caller speaks; a guess from the content type for a service that botocore does not know."""
        content_type = request.header("content-type")
        try:
            return str(determine_request_protocol(get_service_model(scope.service), content_type))
        except (UnknownServiceError, NotImplementedError):
            return "query" if "form-urlencoded" in content_type else "json"

    def answer(self, scope: Scope, operation: str, request: Incoming) -> Wire:
        """Call the operation. Raises Unsupported when there is no class, no method, or moto breaks down over it."""
        if not operation:
            raise Unsupported(f"no operation for {request.method} {request.raw_path.decode('latin1')}")
        found = self._class(scope.service)
        if found is None:
            raise Unsupported("no such service")
        if scope.service != "s3" and not hasattr(found, camelcase_to_underscores(operation)):
            raise Unsupported("no such operation")
        environ = request.environ(scope.authorization)
        _keep_region(environ)
        with self.locks.of(scope.service):
            return self._call(found, Request(environ))

    def warm(self, service: str) -> None:
        """Load the class, the service model and the router that the first request would otherwise wait for."""
        with self.locks.of(service):
            if self._class(service) is None:
                return
            router = get_service_router(service)
            with contextlib.suppress(NotFound, NotImplementedError):
                router.match(Request.from_primitives("GET", "http://127.0.0.1/", {}))

    def warm_region(self, region: str) -> None:
        """Make EC2's backend of a Region, with its default VPC and images, by a call that changes nothing."""
        form = ((b"content-type", b"application/x-www-form-urlencoded"),)
        body = b"Action=DescribeVpcs&Version=2016-11-15"
        request = Incoming(method="POST", raw_path=b"/", query=b"", headers=form, body=body)
        self.answer(Scope(service="ec2", region=region, access_key="lab"), "DescribeVpcs", request)

    def _call(self, found: type[BaseResponse], request: Request) -> Wire:
        try:
            status, headers, body = found.dispatch(request, request.raw_url, dict(request.headers))
        except NotImplementedError as error:
            raise Unsupported(str(error) or "not implemented") from error
        except HTTPException as error:
            return error.code or 400, dict(error.get_headers()), str(error.get_body())
        except Exception as error:  # the boundary to moto: whatever breaks there is a gap of the emulator
            raise Unsupported(f"{type(error).__name__}: {error}") from error
        if int(status) in (500, 501):
            raise Unsupported(f"answered {status}: {_start(body)}")
        return int(status), {str(name): str(value) for name, value in headers.items()}, body

    def _class(self, service: str) -> type[BaseResponse] | None:
        own = self.services.get(service)
        if own is not None:
            return own
        if service not in self._moto:
            self._moto[service] = _moto_class(service)
        return self._moto[service]


def _moto_class(service: str) -> type[BaseResponse] | None:
    """The class behind moto's URL table of `service`; None when moto has no such service."""
    if service in ("elb", "elbv2"):
        module = importlib.import_module(f"moto.{service}.responses")
        return module.ELBResponse if service == "elb" else module.ELBV2Response  # type: ignore[no-any-return]
    package = MOTO_PACKAGES.get(service, service.replace("-", ""))
    try:
        paths: Mapping[str, Any] = importlib.import_module(f"moto.{package}.urls").url_paths
    except ModuleNotFoundError:
        return None
    for endpoint in paths.values():
        owner = getattr(endpoint, "__self__", None)
        found = owner if inspect.isclass(owner) else type(owner)
        if endpoint.__name__ == "dispatch" and issubclass(found, BaseResponse):
            return found
    return None


def _keep_region(environ: dict[str, Any]) -> None:
    """Take away what moto would prefer over the credential scope when it looks for the Region."""
    agent = environ.get("HTTP_USER_AGENT", "")
    if "region/" in agent:
        environ["HTTP_USER_AGENT"] = agent.replace("region/", "region#")


def _start(body: str | bytes) -> str:
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    return text[:200]
