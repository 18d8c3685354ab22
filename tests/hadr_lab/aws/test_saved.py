"""An emulated AWS survives its process: what was made is there again, and what needs a data plane waits for one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.emulated import an_emulator
from tests.hadr_lab.aws.services.cloud import until

from hadr_lab.aws.changes import Changes
from hadr_lab.aws.route53 import Route53State
from hadr_lab.aws.saved import restore
from hadr_lab.aws.state import State
from hadr_lab.waits import Waits

REGION = "us-east-2"
Client = Callable[[str], Any]


def make(client: Client) -> dict[str, str]:
    """A little of everything that the architectures keep, in the services whose state is hard to keep."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.2.{16 * i}.0/20", AvailabilityZone=REGION + zone)["Subnet"]["SubnetId"]
        for i, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="node", Description="nodes", VpcId=vpc)["GroupId"]
    role = client("iam").create_role(RoleName="cluster", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client("eks").create_cluster(
        name="peccy-two", version="1.35", roleArn=role, resourcesVpcConfig={"subnetIds": subnets, "securityGroupIds": [group]}
    )
    key = client("kms").create_key()["KeyMetadata"]["KeyId"]
    client("rds").create_db_subnet_group(DBSubnetGroupName="two", DBSubnetGroupDescription="two", SubnetIds=subnets)
    client("rds").create_db_cluster(
        DBClusterIdentifier="peccy-two",
        Engine="aurora-mysql",
        MasterUsername="peccy",
        ManageMasterUserPassword=True,
        DBSubnetGroupName="two",
    )
    for number, zone in ((1, "b"), (0, "a")):
        client("rds").create_db_instance(
            DBInstanceIdentifier=f"peccy-two-{number}",
            DBClusterIdentifier="peccy-two",
            DBInstanceClass="db.r6g.large",
            Engine="aurora-mysql",
            AvailabilityZone=REGION + zone,
            PromotionTier=number,
        )
    queue = client("sqs").create_queue(QueueName="peccy-two")["QueueUrl"]
    client("ecr").create_repository(repositoryName="peccy-app")
    client("s3").create_bucket(Bucket="switch", CreateBucketConfiguration={"LocationConstraint": REGION})
    client("s3").put_object(Bucket="switch", Key="active/two", Body=b"yes")
    zone = client("route53").create_hosted_zone(Name="hadr.test", CallerReference="one")["HostedZone"]["Id"]
    files = client("efs").create_file_system(CreationToken="two", Encrypted=True)["FileSystemId"]
    kept = client("kms").encrypt(KeyId=key, Plaintext=b"a secret")["CiphertextBlob"].hex()
    return {"key": key, "queue": queue, "zone": zone, "files": files, "secret": kept, "subnet": subnets[0]}


def test_everything_made_is_there_in_another_process(tmp_path: Path) -> None:
    """Ids, contents and keys are those of before, and the cluster's control plane can come up."""
    kept = tmp_path / "aws.state"
    with an_emulator(tmp_path, save=kept) as aws:
        made = make(partial(aws.client, region=REGION))
    with an_emulator(tmp_path, load=kept) as aws:
        client = partial(aws.client, region=REGION)
        assert client("kms").decrypt(CiphertextBlob=bytes.fromhex(made["secret"]))["Plaintext"] == b"a secret"
        assert client("sqs").get_queue_url(QueueName="peccy-two")["QueueUrl"].rsplit("/", 1)[1] == "peccy-two"
        assert client("ecr").describe_repositories()["repositories"][0]["repositoryName"] == "peccy-app"
        assert client("s3").get_object(Bucket="switch", Key="active/two")["Body"].read() == b"yes"
        assert client("route53").get_hosted_zone(Id=made["zone"])["HostedZone"]["Name"] == "hadr.test."
        assert client("efs").describe_file_systems()["FileSystems"][0]["FileSystemId"] == made["files"]
        assert client("ec2").describe_subnets(SubnetIds=[made["subnet"]])["Subnets"][0]["AvailabilityZone"] == "us-east-2a"
        eks = client("eks")
        until(lambda: eks.describe_cluster(name="peccy-two")["cluster"]["status"], lambda seen: seen == "ACTIVE", seconds=10)
        more = client("ec2").run_instances(ImageId=_image(client), MinCount=1, MaxCount=1, SubnetId=made["subnet"])
        assert more["Instances"][0]["Placement"]["AvailabilityZone"] == "us-east-2a"


def test_what_is_restored_waits_for_its_data_plane(tmp_path: Path) -> None:
    """A cluster and a database that were available say that they are being made, until somebody serves for them.

    The writer is the instance of the lowest promotion tier, whichever was made first.
    """
    kept = tmp_path / "aws.state"
    with an_emulator(tmp_path, save=kept) as aws:
        make(partial(aws.client, region=REGION))
        rds = aws.client("rds", REGION)
        until(lambda: rds.describe_db_clusters()["DBClusters"][0]["Status"], lambda seen: seen == "available", seconds=10)
    state, route53 = State(Changes()), Route53State(waits=Waits(speed=1.0))
    restore(kept.read_bytes(), state, route53)
    assert [cluster.status for cluster in state.clusters(REGION)] == ["CREATING"]
    (database,) = state.databases(REGION)
    assert (database.status, database.zone) == ("creating", "us-east-2a")
    assert [(each.identifier, each.zone, each.is_writer, each.available) for each in database.instances] == [
        ("peccy-two-0", "us-east-2a", True, False),
        ("peccy-two-1", "us-east-2b", False, False),
    ]
    state.cluster_ready(REGION, "peccy-two", ca_data="Q0E=")
    assert [cluster.status for cluster in state.clusters(REGION)] == ["ACTIVE"]
    zones, _ = route53.published()
    assert [zone.name for zone in zones] == ["hadr.test"]


def _image(client: Client) -> str:
    found: str = client("ec2").describe_images()["Images"][0]["ImageId"]
    return found
