"""Who a caller is: the identity behind an access key, and STS's GetCallerIdentity in those terms.

Keys that IAM or STS of the emulator handed out are their users' and roles' keys. Any other key is the lab's operator, an IAM user
`operator` that needs no set-up, since the endpoint is reachable from inside the lab only.
"""

from __future__ import annotations

from dataclasses import dataclass

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.iam.models import get_account_id_from, iam_backends
from moto.sts.models import sts_backends
from moto.sts.responses import TokenResponse

from hadr_lab.aws.service import AwsService

OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The holder of an access key. `arn` is what GetCallerIdentity says; `secret` is None for a key nobody handed out.

    `role_arn` and `session` are set for an assumed role only.
    """

    arn: str
    account: str
    user_id: str
    secret: str | None = None
    role_arn: str = ""
    session: str = ""


def caller_of(access_key: str) -> Caller:
    """The holder of `access_key`."""
    account = get_account_id_from(access_key)
    for role in sts_backends[account]["aws"].assumed_roles:
        if role.access_key_id == access_key:
            return Caller(
                arn=role.arn,
                account=account,
                user_id=role.user_id,
                secret=role.secret_access_key,
                role_arn=role.role_arn,
                session=role.session_name,
            )
    user = iam_backends[account]["aws"].get_user_from_access_key_id(access_key)
    if user is not None:
        secret = next(key.secret_access_key for key in user.access_keys if key.access_key_id == access_key)
        return Caller(arn=user.arn, account=account, user_id=user.id, secret=secret)
    return Caller(arn=f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:user/{OPERATOR}", account=DEFAULT_ACCOUNT_ID, user_id="AIDALABOPERATOR")


class Sts(AwsService, TokenResponse):
    """moto's STS, with one answer to who is calling."""

    def get_caller_identity(self) -> ActionResult:
        caller = caller_of(self.get_access_key())
        return ActionResult({"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn})
