"""The emulated AWS services that the data plane hangs on: EC2, EKS, RDS, EFS, ELBv2 and what they need beside them.

Base are moto's backends, shared with everything else that moto answers. Where moto is wrong or silent, its response classes are
subclassed and its models exchanged before first use; nothing is patched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from moto.core.responses import BaseResponse

from hadr_lab.aws.services.ec2 import Ec2
from hadr_lab.aws.services.efs import Efs
from hadr_lab.aws.services.eks import Eks
from hadr_lab.aws.services.elbv2 import Elbv2
from hadr_lab.aws.services.quotas import ServiceQuotas
from hadr_lab.aws.services.rds import Rds
from hadr_lab.aws.services.serial import bound
from hadr_lab.aws.services.shared import CloudWatch, SecretsManager
from hadr_lab.aws.services.ssm import Ssm
from hadr_lab.aws.services.zonal_shift import ZonalShift

if TYPE_CHECKING:
    from hadr_lab.aws.state import State


def all_services(state: State) -> Mapping[str, type[BaseResponse]]:
    """The response classes that answer from `state`, by boto3's service name."""
    lock = state.lock
    return {
        "ec2": bound(Ec2, lock, catalogue={}),
        "eks": bound(Eks, lock, registry=state.eks, scaling=state.scaling),
        "rds": bound(Rds, lock, databases=state.rds),
        "efs": bound(Efs, lock, files=state.efs),
        "elbv2": bound(Elbv2, lock, balancers=state.elb),
        "arc-zonal-shift": bound(ZonalShift, lock, shifts=state.shifts),
        "service-quotas": bound(ServiceQuotas, lock, capacity=state.capacity),
        "ssm": bound(Ssm, lock),
        "cloudwatch": bound(CloudWatch, lock),
        "secretsmanager": bound(SecretsManager, lock),
    }
