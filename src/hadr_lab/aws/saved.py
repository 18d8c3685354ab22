"""One emulated AWS as bytes and back: moto's backends, our own registries and Route 53, at one moment.

It is pickle, for a cache that this program writes and reads itself; bytes of another version of this code, or of anybody else, are
not for it. What a pickle cannot hold goes by name (the EC2 class that is bound to a state) or is made anew (locks, RSA keys by
their numbers). What is restored has no data plane yet: clusters, databases and balancers wait for theirs as if just made.
"""

from __future__ import annotations

import functools
import io
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.ec2.models import ec2_backends

from hadr_lab.aws.route53 import Route53State
from hadr_lab.aws.services.ec2_backend import Ec2Backend
from hadr_lab.aws.state import State

BOUND_EC2 = "the state's own EC2 class"
LOCKS = (type(threading.RLock()), type(threading.Lock()))
REGISTRIES: Mapping[str, tuple[str, ...]] = {
    "eks": ("clusters",),
    "rds": ("credentials", "out_of_sync"),
    "efs": ("protection", "backup", "replications"),
    "elb": ("targets", "reports"),
}
"""The state's registries, and which of their fields are AWS's own; the rest are wires between parts of this process."""
ROUTE53 = ("zones", "checks", "tags")


def saved(state: State, route53: Route53State) -> bytes:
    """Everything that calls have made so far."""
    with state.lock, route53.lock:
        document = {
            "backends": {name: {a: _ours(r) for a, r in backends.items()} for name, backends in _backends()},
            "registries": {name: {key: getattr(getattr(state, name), key) for key in keys} for name, keys in REGISTRIES.items()},
            "route53": {key: getattr(route53, key) for key in ROUTE53},
        }
        out = io.BytesIO()
        _Pickler(out, protocol=pickle.HIGHEST_PROTOCOL).dump(document)
    return out.getvalue()


def restore(held: bytes, state: State, route53: Route53State) -> None:
    """Put what `saved` gave into a new state and a new Route 53. Raises what pickle does for other bytes."""
    with state.lock, route53.lock:
        document = _Unpickler(io.BytesIO(held)).load()
        known = dict(_backends(document["backends"]))
        for name, accounts in document["backends"].items():
            _put(known[name], accounts)
        for name, kept in document["registries"].items():
            for key, value in kept.items():
                setattr(getattr(state, name), key, value)
        for key, value in document["route53"].items():
            setattr(route53, key, value)
        route53.republish()
        state.await_data_plane()
    state.changes.notify()


def _ours(regions: Mapping[str, Any]) -> dict[str, Any]:
    """Without the other partitions, China's and the governments': moto keeps IAM's managed policies for each of them."""
    return {region: backend for region, backend in regions.items() if not region.startswith("aws-")}


def _put(backends: BackendDict[Any], accounts: Mapping[str, Mapping[str, Any]]) -> None:
    for account, regions in accounts.items():
        at = backends[account]  # makes the account's own dict, which knows how to make what is not there
        for region, backend in regions.items():
            dict.__setitem__(at, region, backend)
    if backends.service_name == "s3":
        _know_buckets(backends)


def _know_buckets(backends: Any) -> None:
    """moto finds a bucket's owner in an index beside the backends."""
    for account, regions in backends.items():
        for region, backend in regions.items():
            for name in getattr(backend, "buckets", {}):
                backends.bucket_accounts[name] = (region, account)


def _backends(also: Mapping[str, Any] | None = None) -> Iterator[tuple[str, BackendDict[Any]]]:
    """moto's services that somebody has used in this process, and those named in `also`."""
    used = {backends.service_name: backends for backends in BackendDict._instances}  # type: ignore[misc]
    for name in sorted({*used, *(also or {})}):
        yield name, used[name] if name in used else _backend_dict(name)


@functools.cache
def _backend_dict(service: str) -> BackendDict[Any]:
    return cast("Callable[[str], BackendDict[Any]]", get_backend)(service)  # moto types it for literal names only


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, type) and issubclass(obj, Ec2Backend) and obj is not Ec2Backend:
            return BOUND_EC2
        if isinstance(obj, BackendDict):
            return ("service", obj.service_name)
        return None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, LOCKS):
            return _lock, (isinstance(obj, LOCKS[1]),)
        if isinstance(obj, rsa.RSAPrivateKey):
            der = obj.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            return _rsa_key, (der,)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, pid: Any) -> Any:
        if pid == BOUND_EC2:
            return ec2_backends.backend
        return _backend_dict(pid[1])


def _lock(plain: bool) -> Any:
    return threading.Lock() if plain else threading.RLock()


def _rsa_key(der: bytes) -> Any:
    return serialization.load_der_private_key(der, None)
