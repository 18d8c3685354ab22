"""The dr-multi-region architecture, made through the AWS API with boto3 until Terraform takes its place.

It runs as a client like any other (in the edge namespace, through AWS_ENDPOINT_URL) and prints, as JSON, what a person would read
from `terraform output`.
"""
