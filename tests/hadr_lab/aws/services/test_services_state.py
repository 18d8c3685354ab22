"""The seam itself: what one State is, that it wakes whoever waits, and that it can be read while the API is busy."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tests.hadr_lab.aws.services.cloud import CA, EAST_1, Cloud, Network, refused, unique

from hadr_lab.aws.views import AwsState


def read_everything(state: AwsState, region: str) -> int:
    """Read every view of a Region once; how many things there are."""
    views = (
        state.subnets(region),
        state.instances(region),
        state.clusters(region),
        state.databases(region),
        state.file_systems(region),
        state.load_balancers(region),
        state.target_groups(region),
        state.file_replications(),
        state.global_switches(),
        state.writer_failovers(),
    )
    return sum(len(view) for view in views)


def test_a_subnet_nobody_knows_is_refused_by_every_service(cloud: Cloud) -> None:
    """Each with its own code, although it is EC2 that does not know it."""
    none = "subnet-00000000000000000"
    with refused("InvalidParameterException"):
        cloud("eks").create_cluster(name=unique("c"), roleArn="arn:aws:iam::1:role/r", resourcesVpcConfig={"subnetIds": [none]})
    with refused("SubnetNotFound"):
        cloud("elbv2").create_load_balancer(Name=unique("lb"), Subnets=[none])
    with refused("InvalidSubnet"):
        cloud("rds").create_db_subnet_group(DBSubnetGroupName=unique("g"), DBSubnetGroupDescription="d", SubnetIds=[none])
    made = cloud("efs").create_file_system(CreationToken=unique("f"))["FileSystemId"]
    with refused("SubnetNotFound"):
        cloud("efs").create_mount_target(FileSystemId=made, SubnetId=none)


def test_every_completion_wakes_who_waits_once(cloud: Cloud, network: Network) -> None:
    """A completion that is news notifies; the same again does not."""
    name = cloud.cluster(network, ready=False)

    async def waited(complete: bool) -> int:
        before = cloud.state.changes.count
        waiting = asyncio.create_task(cloud.state.changed(timedelta(seconds=5 if complete else 0.05)))
        await asyncio.sleep(0.01)
        cloud.state.cluster_ready(EAST_1, name, ca_data=CA)
        await asyncio.wait_for(waiting, 1)
        return cloud.state.changes.count - before

    assert asyncio.run(waited(complete=True)) == 1
    assert asyncio.run(waited(complete=False)) == 0


def test_completions_of_what_is_gone_are_ignored(cloud: Cloud, network: Network) -> None:
    """A realizer may be late: what it reports of something deleted changes nothing and does not fail."""
    before = cloud.state.changes.count
    cloud.state.cluster_ready(EAST_1, unique("gone"), ca_data=CA)
    cloud.state.instance_gone(EAST_1, "i-00000000000000000")
    cloud.state.database_ready("arn:aws:rds:us-east-1:123456789012:cluster:gone")
    cloud.state.database_lag("arn:aws:rds:us-east-1:123456789012:cluster:gone", None)
    cloud.state.switch_done("gone")
    cloud.state.switch_failed("gone", "it is gone")
    cloud.state.writer_lost("arn:aws:rds:us-east-1:123456789012:cluster:gone", frozenset())
    cloud.state.writer_moved("arn:aws:rds:us-east-1:123456789012:cluster:gone")
    cloud.state.writer_stays("arn:aws:rds:us-east-1:123456789012:cluster:gone")
    cloud.state.replication_deleted("fs-gone")
    cloud.state.balancer_ready("arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/gone/1")
    assert cloud.state.changes.count == before


def test_views_can_be_read_while_the_api_is_busy(cloud: Cloud, network: Network) -> None:
    """Readers and eight writers at once: nobody sees a half-made thing, and no address is given out twice."""
    done = threading.Event()
    reads = 0

    def read() -> None:
        nonlocal reads
        while not done.is_set():
            read_everything(cloud.state, EAST_1)
            reads += 1

    def launch(_: int) -> list[str]:
        made = cloud("ec2").run_instances(
            ImageId=cloud.image(), InstanceType="t3.nano", MinCount=1, MaxCount=1, SubnetId=network.subnets["us-east-1a"]
        )
        interface = cloud("ec2").create_network_interface(SubnetId=network.subnets["us-east-1a"])["NetworkInterface"]
        return [made["Instances"][0]["PrivateIpAddress"], interface["PrivateIpAddress"]]

    reader = threading.Thread(target=read)
    cloud.image()
    reader.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            addresses = [address for pair in pool.map(launch, range(24)) for address in pair]
    finally:
        done.set()
        reader.join()
    assert len(set(addresses)) == len(addresses) == 48
    assert reads > 0
