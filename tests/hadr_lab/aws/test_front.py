"""The front: who answers a request, in which Region, and what happens when nobody can."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from hadr_lab.aws.faults import Fail, Faults, Hang, Latency, Match, Reset, Throttle
from hadr_lab.aws.local import Running, running


@pytest.fixture
def faults(aws: Running) -> Iterator[Faults]:
    """The front's faults, lifted again after the test."""
    yield aws.front.faults
    aws.front.faults.clear()


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def last_call(aws: Running) -> tuple[str, str, str, int]:
    call = aws.calls[-1]
    return call.region, call.service, call.operation, call.status


def plain_get(url: str, host: str = "") -> tuple[int, bytes]:
    """An unsigned GET."""
    request = urllib.request.Request(url, headers={"Host": host} if host else {})  # noqa: S310 - the URL is the test's own
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize("front", ["us-east-1", "us-east-2", "edge"])
def test_a_request_is_answered_in_the_region_of_its_scope(aws: Running, front: str) -> None:
    """Whichever front it enters through, the Region is the one the client signed for."""
    zones = aws.client("ec2", "us-east-2", front=front).describe_availability_zones()["AvailabilityZones"]
    assert {zone["RegionName"] for zone in zones} == {"us-east-2"}
    assert last_call(aws) == ("us-east-2", "ec2", "DescribeAvailabilityZones", 200)
    assert aws.calls[-1].agent.startswith("Boto3/")


def test_a_global_service_is_answered_at_home(aws: Running) -> None:
    """IAM's control plane is in us-east-1, whatever Region the client has."""
    aws.client("iam", "us-east-2", front="us-east-2").list_users()
    assert last_call(aws) == ("us-east-1", "iam", "ListUsers", 200)


def test_a_region_the_lab_lacks_is_one_clear_error(aws: Running) -> None:
    """No answer is made up for a Region that does not exist here."""
    with pytest.raises(ClientError) as caught:
        aws.client("ec2", "eu-west-1").describe_vpcs()
    assert code(caught) == "EmulatorUnsupported"
    assert "eu-west-1 is not part of this lab" in str(caught.value)


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("rds", "describe_integrations", {}),
        ("ec2", "describe_vpc_encryption_controls", {}),
        ("pricing", "describe_services", {}),
        ("route53-recovery-cluster", "list_routing_controls", {}),
        ("eks", "describe_insight", {"clusterName": "c", "id": "i"}),
    ],
)
def test_what_nobody_implements_is_one_recorded_error(
    aws: Running, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    """In every wire protocol the client gets EmulatorUnsupported with status 400, and front and call log remember it."""
    with pytest.raises(ClientError) as caught:
        getattr(aws.client(service), operation)(**arguments)
    assert code(caught) == "EmulatorUnsupported"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert aws.front.unsupported[-1].service == service
    assert (aws.calls[-1].service, aws.calls[-1].error) == (service, "EmulatorUnsupported")


def test_a_breakdown_of_a_service_is_the_same_error(aws: Running) -> None:
    """An exception inside a service is a gap of the emulator, not an outage of AWS, and says what broke."""
    with pytest.raises(ClientError) as caught:
        aws.client("fis").list_actions()
    assert code(caught) == "EmulatorUnsupported"
    assert "KeyError" in str(caught.value)


def test_an_aws_error_stays_an_aws_error(aws: Running) -> None:
    """moto's own refusals pass with their codes."""
    with pytest.raises(ClientError) as caught:
        aws.client("ec2").describe_vpcs(VpcIds=["vpc-00000000"])
    assert code(caught) == aws.calls[-1].error == "InvalidVpcID.NotFound"


def test_changes_are_told_once_for_writes_and_never_for_reads(aws: Running) -> None:
    """Only a successful mutating call counts as a change."""
    sqs = aws.client("sqs")
    before = aws.front.changes.count
    sqs.create_queue(QueueName="changes")
    assert aws.front.changes.count == before + 1
    sqs.list_queues()
    with pytest.raises(ClientError):
        sqs.delete_queue(QueueUrl="http://127.0.0.1/123456789012/absent")
    assert aws.front.changes.count == before + 1


def test_parallel_writers_lose_no_update(aws: Running) -> None:
    """Eight threads adding to one counter end at the sum: the service lock holds."""
    table = aws.client("dynamodb")
    table.create_table(
        TableName="sums",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
    )

    def add() -> None:
        client = aws.client("dynamodb")
        for _ in range(10):
            client.update_item(
                TableName="sums",
                Key={"k": {"S": "n"}},
                UpdateExpression="ADD v :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table.get_item(TableName="sums", Key={"k": {"S": "n"}})["Item"]["v"] == {"N": "80"}


def test_a_hang_hits_only_what_it_names(aws: Running, faults: Faults) -> None:
    """A hanging operation leaves the client to its own timeout; other operations and Regions answer."""
    faults.add(Hang(match=Match(region="us-east-1", service="sqs", operation="List.*")))
    with pytest.raises(ReadTimeoutError):
        aws.client("sqs", "us-east-1", read_timeout=0.3).list_queues()
    aws.client("sqs", "us-east-2").list_queues()
    aws.client("sqs", "us-east-1").create_queue(QueueName="beside")


def test_a_reset_closes_the_connection(aws: Running, faults: Faults) -> None:
    """The client sees the connection end without an answer, also through a relay."""
    faults.add(Reset(match=Match(service="sqs")))
    for front in ("us-east-1", "us-east-2"):
        with pytest.raises(ConnectionClosedError):
            aws.client("sqs", "us-east-1", front=front).list_queues()


@pytest.mark.parametrize("service", ["ec2", "eks", "rds", "s3", "ssm", "iam"])
def test_an_error_comes_in_the_services_own_protocol(aws: Running, faults: Faults, service: str) -> None:
    """boto3 parses the injected code and status for each wire protocol."""
    faults.add(Fail(match=Match(service=service), code="ServiceUnavailable", status=503))
    client = aws.client(service)
    calls = {
        "ec2": "describe_vpcs",
        "eks": "list_clusters",
        "rds": "describe_db_clusters",
        "s3": "list_buckets",
        "ssm": "describe_parameters",
        "iam": "list_users",
    }
    with pytest.raises(ClientError) as caught:
        getattr(client, calls[service])()
    assert code(caught) == "ServiceUnavailable"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_a_throttle_lets_the_burst_through(aws: Running, faults: Faults) -> None:
    """Three of five calls pass a bucket of three; the rest are throttled in the protocol's own words."""
    faults.add(Throttle(match=Match(service="ec2"), rate=0.01, burst=3))
    client = aws.client("ec2")
    answers = []
    for _ in range(5):
        try:
            client.describe_vpcs()
            answers.append("ok")
        except ClientError as error:
            answers.append(error.response["Error"]["Code"])
    assert answers == ["ok"] * 3 + ["RequestLimitExceeded"] * 2


def test_latency_delays_and_then_answers(aws: Running, faults: Faults) -> None:
    """A delayed call still gets its answer."""
    faults.add(Latency(match=Match(service="sqs"), delay=timedelta(milliseconds=200)))
    started = time.monotonic()
    aws.client("sqs").list_queues()
    assert time.monotonic() - started >= 0.2


def test_a_presigned_url_is_answered_as_its_signer(aws: Running) -> None:
    """STS's GetCallerIdentity works through a presigned URL, which carries its scope in the query."""
    user = aws.client("iam").create_user(UserName="signer")["User"]
    key = aws.client("iam").create_access_key(UserName="signer")["AccessKey"]["AccessKeyId"]
    url = aws.client("sts", "us-east-2", key=key).generate_presigned_url("get_caller_identity", ExpiresIn=60)
    status, body = plain_get(url)
    assert status == 200
    assert user["Arn"].encode() in body
    assert last_call(aws)[:3] == ("us-east-2", "sts", "GetCallerIdentity")


def test_a_key_nobody_handed_out_is_the_operators(aws: Running) -> None:
    """Any other key is the IAM user `operator`."""
    assert aws.client("sts", key="AKIAIOSFODNN7EXAMPLE").get_caller_identity()["Arn"].endswith(":user/operator")


@pytest.fixture(scope="module")
def bucket(aws: Running) -> str:
    """A bucket in us-east-2 with one object."""
    s3 = aws.client("s3", "us-east-2")
    s3.create_bucket(Bucket="switch-two", CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    s3.put_object(Bucket="switch-two", Key="active/two", Body=b"yes")
    return "switch-two"


def test_a_bucket_answers_in_its_own_region_only(aws: Running, bucket: str) -> None:
    """Elsewhere it redirects, which boto3 follows by itself."""
    wrong = aws.client("s3", "us-east-1", front="us-east-1")
    assert wrong.get_object(Bucket=bucket, Key="active/two")["Body"].read() == b"yes"
    redirected = [(call.region, call.status) for call in aws.calls if call.service == "s3"]
    assert ("us-east-1", 301) in redirected
    assert redirected[-1] == ("us-east-2", 200)


def test_an_anonymous_read_needs_a_policy_that_says_so(aws: Running, bucket: str) -> None:
    """Private until the public access block is off and the policy names the key; then that key only, by either address style."""
    s3 = aws.client("s3", "us-east-2")
    url, host = aws.url("us-east-2"), f"{bucket}.s3.us-east-2.amazonaws.com"
    assert plain_get(f"{url}/active/two", host)[0] == 403
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/active/two"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert code(caught) == "AccessDenied"
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicPolicy": False, "RestrictPublicBuckets": False}
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert plain_get(f"{url}/active/two", host) == (200, b"yes")
    assert plain_get(f"{url}/{bucket}/active/two") == (200, b"yes")
    assert plain_get(f"{url}/{bucket}/active/one")[0] == 403
    assert plain_get(f"{url}/{bucket}?policy")[0] == 403
    s3.delete_object(Bucket=bucket, Key="active/two")
    assert plain_get(f"{url}/active/two", host)[0] == 403
    s3.put_object(Bucket=bucket, Key="active/two", Body=b"yes")


def test_an_anonymous_request_reaches_the_region_of_its_host_name(aws: Running, bucket: str) -> None:
    """A checker that enters elsewhere is relayed to the Region in the bucket's host name."""
    plain_get(f"{aws.url('us-east-1')}/active/two", f"{bucket}.s3.us-east-2.amazonaws.com")
    assert last_call(aws)[:2] == ("us-east-2", "s3")


def test_a_stopped_region_is_silence_not_an_error(aws: Running) -> None:
    """A relay to a front that accepts and never answers leaves the client waiting until its own timeout."""
    faults = aws.front.faults
    rule = faults.add(Hang(match=Match(region="us-east-1")))
    try:
        with pytest.raises(ReadTimeoutError):
            aws.client("sqs", "us-east-1", front="us-east-2", read_timeout=0.3).list_queues()
    finally:
        faults.remove(rule)


def test_warming_up_changes_nothing() -> None:
    """It makes no call, no change and no gap, also for a service that nobody has."""
    with running({}) as unused:
        asyncio.run(unused.front.warm(["us-east-2"], ["sqs", "pricing"]))
        assert (unused.calls, unused.front.changes.count, unused.front.unsupported) == ([], 0, [])
