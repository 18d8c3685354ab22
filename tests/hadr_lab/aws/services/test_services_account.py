"""What an account has: AWS's managed policies, secrets whose replicas have keys of their own, buckets that keep versions."""

from __future__ import annotations

import json

from tests.hadr_lab.aws.services.cloud import EAST_2, Cloud, refused, unique

KEY = "arn:aws:kms:us-east-2:123456789012:key/6ee52434-0889-4ab4-a5bb-2aa9fc43f070"


def test_a_role_can_be_given_a_managed_policy_of_aws(cloud: Cloud) -> None:
    """AWS's own policies are in every account; one that does not exist cannot be attached."""
    iam = cloud("iam")
    role = unique("node")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy")
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonEKSWorkerNodePolicy"]
    with refused("NoSuchEntity"):
        iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/NoSuchPolicyAtAll")


def test_a_replica_of_a_secret_has_the_key_that_was_asked_for_it(cloud: Cloud) -> None:
    """CreateSecret's replica and ReplicateSecretToRegions' have their key; without one it is the account's own."""
    secrets = cloud("secretsmanager")
    first, second = unique("secret"), unique("secret")
    secrets.create_secret(Name=first, SecretString="x", AddReplicaRegions=[{"Region": EAST_2, "KmsKeyId": KEY}])
    secrets.create_secret(Name=second, SecretString="x")
    answer = secrets.replicate_secret_to_regions(SecretId=second, AddReplicaRegions=[{"Region": EAST_2, "KmsKeyId": KEY}])
    told = secrets.describe_secret(SecretId=first)["ReplicationStatus"] + answer["ReplicationStatus"]
    assert [replica["KmsKeyId"] for replica in told] == [KEY, KEY]
    plain = secrets.create_secret(Name=unique("secret"), SecretString="x", AddReplicaRegions=[{"Region": EAST_2}])
    assert plain["ReplicationStatus"][0]["KmsKeyId"] == "alias/aws/secretsmanager"


def test_a_bucket_whose_versioning_is_suspended_keeps_its_versions(cloud: Cloud) -> None:
    """Each version and delete marker goes when it is deleted by its id, and no other with it; then the bucket can go."""
    s3, bucket = cloud("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="active/two", Body=b"one")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="active/two")["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "active/two", "VersionId": first}]})
    left = s3.list_object_versions(Bucket=bucket)
    assert "Versions" not in left
    assert [found["VersionId"] for found in left["DeleteMarkers"]] == [marker]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "active/two", "VersionId": marker}]})
    s3.delete_bucket(Bucket=bucket)
    assert bucket not in [found["Name"] for found in s3.list_buckets()["Buckets"]]


def test_a_deletion_without_a_version_hides_the_object_of_a_suspended_bucket(cloud: Cloud) -> None:
    """The object is gone for readers, and its version is still there."""
    s3, bucket = cloud("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    for status in ("Enabled", "Suspended"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        if status == "Enabled":
            version = s3.put_object(Bucket=bucket, Key="active/two", Body=b"one")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="active/two")
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="active/two")
    assert s3.get_object(Bucket=bucket, Key="active/two", VersionId=version)["Body"].read() == b"one"
