mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                   = "peccy-one"
  vpc_id                 = "vpc-00000000000000000"
  subnets                = { "us-east-1a" = "subnet-a", "us-east-1b" = "subnet-b", "us-east-1c" = "subnet-c" }
  client_security_groups = { peccy-one = "sg-00000000000000000" }
  key_arn                = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
}

run "files" {
  command = plan

  assert {
    condition     = aws_efs_file_system.this.encrypted && aws_efs_file_system.this.kms_key_id == var.key_arn
    error_message = "encrypted under the member's key"
  }
  assert {
    condition     = length(aws_efs_mount_target.this) == 3
    error_message = "a mount target in each zone"
  }
  assert {
    condition     = one(aws_efs_backup_policy.this.backup_policy[*].status) == "ENABLED"
    error_message = "backups are on"
  }
  assert {
    condition     = one(aws_efs_access_point.this.posix_user[*].uid) == 10001
    error_message = "files belong to the user that the pods run as"
  }
}
