"""The composition root: which adapter stands behind which port. The only module that knows them all; nothing is made at import."""

from __future__ import annotations

from pathlib import Path

from hadr.core.site import Member, Site
from hadr.ports import Ports, Runs


def aws_ports(site: Site) -> Ports:
    """AWS and Kubernetes, by the environment's credentials and endpoint. Imported late: boto3 and lightkube cost half a second."""
    from hadr.adapters.aws.aurora import Aurora
    from hadr.adapters.aws.calls import Caller
    from hadr.adapters.aws.efs import Efs
    from hadr.adapters.aws.eks import Eks
    from hadr.adapters.aws.elb import Elb
    from hadr.adapters.aws.route53 import Route53
    from hadr.adapters.aws.session import Sessions
    from hadr.adapters.aws.switch import S3Switch
    from hadr.adapters.aws.traffic import AwsTraffic
    from hadr.adapters.aws.zonal_shift import ZonalShifts
    from hadr.adapters.clock import SystemClock, ThreadWorkers
    from hadr.adapters.kube import Access, Kubernetes
    from hadr.adapters.probe import ClientProbe

    clock, sessions = SystemClock(), Sessions()
    call = Caller(sessions)
    eks, elb = Eks(call, sessions), Elb(call)

    def access(member: Member) -> Access:
        found = eks.access(member)
        return Access(endpoint=found.endpoint, authority=found.authority, token=eks.token(member))

    return Ports(
        clock=clock,
        workers=ThreadWorkers(),
        compute=Kubernetes(access),
        database=Aurora(site, call, clock),
        files=Efs(call),
        traffic=AwsTraffic(elb=elb, switches=S3Switch(call, clock), records=Route53(site, call), shifts=ZonalShifts(call, elb)),
        probe=ClientProbe(site),
    )


def folder_runs(root: Path) -> Runs:
    """Runs on disk below `root`."""
    from hadr.adapters.journal import FolderRuns

    return FolderRuns(root)
