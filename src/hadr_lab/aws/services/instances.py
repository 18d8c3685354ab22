"""EC2 as the realizers see it: views of subnets and instances, machines that are gone, addresses for AWS's own interfaces."""

from __future__ import annotations

from datetime import UTC

from moto.ec2.models.instances import Instance as Ec2Instance

from hadr_lab.aws.services.ec2 import ec2_of, text_of
from hadr_lab.aws.services.ec2_backend import ALIVE
from hadr_lab.aws.services.scaling import tags_of
from hadr_lab.aws.views import Instance, Subnet


def subnet_views(account: str, region: str) -> tuple[Subnet, ...]:
    """The Region's subnets."""
    return tuple(
        Subnet(region=region, zone=s.availability_zone, subnet_id=s.id, vpc_id=s.vpc_id, cidr=s.cidr_block)
        for s in ec2_of(account, region).describe_subnets()
    )


def instance_views(account: str, region: str) -> tuple[Instance, ...]:
    """The Region's instances in subnets, terminated ones too."""
    return tuple(_view(region, made) for made in ec2_of(account, region).all_instances() if made.subnet_id)


def _view(region: str, made: Ec2Instance) -> Instance:
    return Instance(
        region=region,
        zone=made.placement.zone or "",
        instance_id=made.id,
        instance_type=made.instance_type,
        subnet_id=made.subnet_id or "",
        interface_id=made.nics[0].id,
        private_ip=made.private_ip or "",
        state=made.state,
        user_data=text_of(made.user_data),
        tags=tags_of(made),
        launched=made.launch_time.replace(tzinfo=UTC),
    )


def terminated(account: str, region: str, instance_id: str) -> bool:
    """The machine is gone. Returns whether it was there until now."""
    ec2 = ec2_of(account, region)
    made = ec2.get_instance_by_id(instance_id)
    if made is None or made.state not in ALIVE:
        return False
    made.terminate()
    made.state_reason.code = "Server.InternalError"
    made.state_reason.message = "Server.InternalError: Internal error on launch or of the host"
    return True


def claimed(account: str, region: str, subnet_id: str, purpose: str) -> str:
    """The address of the interface of that purpose in the subnet, made if there is none. Raises LookupError without the subnet."""
    ec2 = ec2_of(account, region)
    if subnet_id not in {subnet.id for subnet in ec2.describe_subnets()}:
        raise LookupError(f"{region}: no subnet {subnet_id}, so no address for {purpose}")
    for interface in ec2.enis.values():
        if interface.description == purpose and interface.subnet.id == subnet_id:
            return str(interface.private_ip_address)
    return str(ec2.create_network_interface(subnet_id, description=purpose).private_ip_address)
