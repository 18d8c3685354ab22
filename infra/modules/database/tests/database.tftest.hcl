mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                   = "peccy-one"
  vpc_id                 = "vpc-00000000000000000"
  subnet_ids             = ["subnet-a", "subnet-b", "subnet-c"]
  zones                  = ["us-east-1b", "us-east-1a", "us-east-1c"]
  client_security_groups = { peccy-one = "sg-00000000000000000" }
  key_arn                = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  engine_version         = "8.0.mysql_aurora.3.08.2"
  instance_class         = "db.r6g.large"
  instances              = 2
  database_name          = "peccy"
  backup_retention_days  = 7
  deletion_protection    = true
}

run "by_itself" {
  command = plan

  assert {
    condition     = aws_rds_cluster.this.storage_encrypted && aws_rds_cluster.this.deletion_protection && !aws_rds_cluster.this.skip_final_snapshot
    error_message = "encrypted, protected, and with a last snapshot"
  }
  assert {
    condition     = aws_rds_cluster.this.manage_master_user_password && aws_rds_cluster.this.master_password == null
    error_message = "RDS keeps the password"
  }
  assert {
    condition     = alltrue([for instance in aws_rds_cluster_instance.this : !instance.publicly_accessible]) && length(aws_rds_cluster_instance.this) == 2
    error_message = "two instances, none public"
  }
  assert {
    condition     = [for instance in aws_rds_cluster_instance.this : instance.availability_zone] == ["us-east-1b", "us-east-1a"]
    error_message = "each instance in the next of the zones, in their order"
  }
  assert {
    condition     = length(aws_db_subnet_group.this.subnet_ids) == 3 && aws_rds_cluster.this.backup_retention_period == 7
    error_message = "three zones, seven days of backups"
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients : rule.from_port == 3306 && rule.cidr_ipv4 == null])
    error_message = "clients are security groups, not ranges"
  }
}

run "origin_of_a_global_database" {
  command = plan

  variables {
    global_cluster   = "peccy"
    origin           = true
    password         = "known to the test only"
    password_version = 3
  }

  assert {
    condition     = aws_rds_cluster.this.manage_master_user_password == null && aws_rds_cluster.this.master_password_wo_version == 3 && aws_rds_cluster.this.master_password == null
    error_message = "in a global database the password is write-only"
  }
}

run "joining_a_global_database" {
  command = plan

  variables {
    global_cluster = "peccy"
  }

  assert {
    condition     = aws_rds_cluster.this.master_password_wo_version == null && aws_rds_cluster.this.manage_master_user_password == null
    error_message = "a cluster that joins receives user and password with the data"
  }
}

run "more_instances_than_zones" {
  command = plan

  variables {
    instances = 4
  }

  assert {
    condition     = toset(keys(output.hosts_by_zone)) == toset(var.zones)
    error_message = "one host for each zone that has an instance, also where it has two"
  }
}

run "one_zone_twice" {
  command         = plan
  expect_failures = [var.zones]
  variables {
    zones = ["us-east-1a", "us-east-1a"]
  }
}

run "no_zones_to_spare" {
  command         = plan
  expect_failures = [var.subnet_ids]
  variables {
    subnet_ids = ["subnet-a"]
  }
}
