"""IAM's API: moto's, in an account that has AWS's managed policies as every account does."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, ManagedPolicy

PARTITION = "aws"


class IamBackend(IAMBackend):
    """IAM of one account. moto has the managed policies only when an environment variable asks for them.

    moto makes an account's IAM in every partition of AWS to find out whose an access key is. In the others nobody looks for
    policies, and the 1,500 of them take a third of a second to make.
    """

    def _init_aws_policies(self) -> list[ManagedPolicy]:
        if self.region_name != PARTITION:
            return []
        return [AWSManagedPolicy.from_data(name, self.account_id, self.region_name, data) for name, data in _known().items()]


@cache
def _known() -> dict[str, dict[str, Any]]:
    known: dict[str, dict[str, Any]] = json.loads(aws_managed_policies_data)
    return known
