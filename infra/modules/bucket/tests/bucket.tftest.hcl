mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                = "peccy-mock"
  deletion_protection = true
}

run "private" {
  command = plan

  variables {
    key_arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.this.block_public_policy && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    error_message = "a private bucket can have no public policy"
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule[*].apply_server_side_encryption_by_default)[*].sse_algorithm) == "aws:kms"
    error_message = "contents are under the member's key"
  }
  assert {
    condition     = one(aws_s3_bucket_versioning.this.versioning_configuration[*].status) == "Enabled" && !aws_s3_bucket.this.force_destroy
    error_message = "old versions are kept"
  }
}

run "switch" {
  command = plan

  variables {
    public_key = "active/two"
  }

  # KMS would refuse readers without a name; ACLs stay blocked, so only the policy admits.
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule[*].apply_server_side_encryption_by_default)[*].sse_algorithm) == "AES256"
    error_message = "health checkers must be able to read the switch"
  }
  assert {
    condition     = aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.ignore_public_acls && !aws_s3_bucket_public_access_block.this.restrict_public_buckets
    error_message = "only the bucket's policy may admit readers"
  }
}
