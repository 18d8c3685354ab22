"""EKS bearer tokens, made by botocore's own signer as `aws eks get-token` makes them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.signers import RequestSigner

from hadr_lab.aws.local import Running
from hadr_lab.aws.sts import Caller, caller_of
from hadr_lab.aws.tokens import PREFIX, BadToken, Identity, identify, identity_of

KEY, SECRET = "AKIAEXAMPLEEXAMPLE00", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
USER = Caller(arn="arn:aws:iam::123456789012:user/ann", account="123456789012", user_id="AIDA", secret=SECRET)
ROLE = Caller(
    arn="arn:aws:sts::123456789012:assumed-role/admin/laptop",
    account="123456789012",
    user_id="AROA:laptop",
    secret=SECRET,
    role_arn="arn:aws:iam::123456789012:role/team/admin",
    session="laptop",
)


def encoded(url: str) -> str:
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def signed_url(
    cluster: str = "peccy-one", *, key: str = KEY, secret: str = SECRET, endpoint: str = "https://sts.us-east-1.amazonaws.com",
    lasting: int = 60, action: str = "GetCallerIdentity",
) -> str:  # fmt: skip
    session = boto3.session.Session(aws_access_key_id=key, aws_secret_access_key=secret)
    client = session.client("sts", region_name="us-east-1")
    signer = RequestSigner(
        client.meta.service_model.service_id, "us-east-1", "sts", "v4", session.get_credentials(), session.events
    )
    request: dict[str, Any] = {
        "method": "GET",
        "url": f"{endpoint}/?Action={action}&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": cluster} if cluster else {},
        "context": {},
    }
    url: str = signer.generate_presigned_url(request, region_name="us-east-1", expires_in=lasting, operation_name="")
    return url


def why_not(token: str, cluster: str = "peccy-one", now: datetime | None = None) -> str:
    with pytest.raises(BadToken) as caught:
        identity_of(token, cluster, lambda _key: USER, now)
    return str(caught.value)


@pytest.mark.parametrize("endpoint", ["https://sts.us-east-1.amazonaws.com", "http://198.18.1.10", "http://127.0.0.1:4599"])
def test_a_users_token_proves_the_user(endpoint: str) -> None:
    """A properly signed token gives the user's ARN, whatever endpoint the client was configured with."""
    identity = identity_of(encoded(signed_url(endpoint=endpoint)), "peccy-one", lambda _key: USER)
    assert identity == Identity(arn=USER.arn, account="123456789012")


def test_a_role_sessions_token_proves_the_role() -> None:
    """Access entries name the role, with its path; the session's name comes along."""
    identity = identity_of(encoded(signed_url()), "peccy-one", lambda _key: ROLE)
    assert identity == Identity(arn=ROLE.role_arn, account="123456789012", session="laptop")


def test_a_token_is_for_one_cluster() -> None:
    """The cluster's name is signed, so a token for one cluster is worth nothing to another."""
    assert "not that of" in why_not(encoded(signed_url("peccy-two")))


def test_a_wrong_secret_is_refused() -> None:
    """The signature must be the key holder's."""
    assert "not that of" in why_not(encoded(signed_url(secret="another")))


def test_a_key_nobody_handed_out_cannot_be_verified_and_passes() -> None:
    """The operator's own keys have no secret in the lab."""
    operator = Caller(arn="arn:aws:iam::123456789012:user/operator", account="123456789012", user_id="x")
    assert identity_of(encoded(signed_url(secret="anything")), "peccy-one", lambda _key: operator).arn == operator.arn


def test_a_token_lives_a_quarter_of_an_hour() -> None:
    """X-Amz-Expires of 60 s does not end it; 15 minutes after X-Amz-Date do, and a date far ahead is refused."""
    token = encoded(signed_url())
    now = datetime.now(UTC)
    assert identity_of(token, "peccy-one", lambda _key: USER, now + timedelta(minutes=14)).arn == USER.arn
    assert "expired" in why_not(token, now=now + timedelta(minutes=16))
    assert "future" in why_not(token, now=now - timedelta(minutes=10))


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("k8s-aws-v2.x", "does not begin"),
        (PREFIX + "x" * 5000, "longer"),
        (PREFIX + "!!!", "not a base64 URL"),
        (encoded("ftp://sts/?Action=GetCallerIdentity"), "not the URL"),
        (encoded("https://sts/other?Action=GetCallerIdentity"), "not the URL"),
        (encoded("https://sts/?Action=GetCallerIdentity&Action=x"), "twice"),
        (encoded(signed_url() + "&Extra=1"), "not allowed: Extra"),
        (encoded(signed_url(action="GetSessionToken")), "not a GetCallerIdentity"),
        (encoded(signed_url(cluster="")), "does not sign host and x-k8s-aws-id"),
        (encoded(signed_url(lasting=901)), "X-Amz-Expires is 901"),
        (encoded(signed_url().replace("%2Fsts%2F", "%2Fs3%2F")), "signed for s3"),
        (encoded(signed_url().replace("%2Faws4_request", "")), "not a credential scope"),
        (encoded(signed_url().replace("X-Amz-Date=2", "X-Amz-Date=x")), "no valid X-Amz-Date"),
    ],
)
def test_what_is_not_a_proper_token_says_why(token: str, reason: str) -> None:
    """Every rule of the authenticator refuses with its own words."""
    assert reason in why_not(token)


def test_keys_of_the_emulated_iam_work_from_end_to_end(aws: Running) -> None:
    """A user's and a role session's keys from the API sign tokens that prove them."""
    aws.client("iam").create_user(UserName="bob")
    made = aws.client("iam").create_access_key(UserName="bob")["AccessKey"]
    token = encoded(signed_url(key=made["AccessKeyId"], secret=made["SecretAccessKey"]))
    assert identity_of(token, "peccy-one", caller_of).arn.endswith(":user/bob")
    assert identify(token, "peccy-one") == "arn:aws:iam::123456789012:user/bob"
    assert identify(token, "peccy-two") is None
    role = aws.client("iam").create_role(RoleName="deployer", Path="/ci/", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="run-7")["Credentials"]
    token = encoded(signed_url(key=keys["AccessKeyId"], secret=keys["SecretAccessKey"]))
    assert identity_of(token, "peccy-one", caller_of) == Identity(arn=role, account="123456789012", session="run-7")
