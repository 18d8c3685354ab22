"""IAM's API: moto's, in an account that has AWS's managed policies as every account does."""

from __future__ import annotations

import json

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, ManagedPolicy


class IamBackend(IAMBackend):
    """IAM of one account. moto has the managed policies only when an environment variable asks for them."""

    def _init_aws_policies(self) -> list[ManagedPolicy]:
        known = json.loads(aws_managed_policies_data)
        return [AWSManagedPolicy.from_data(name, self.account_id, self.region_name, data) for name, data in known.items()]
