# What has to hold of dr-multi-region, with stand-ins for AWS: no endpoint, no credentials.

mock_provider "aws" {
  alias  = "one"
  source = "../mocks"

  override_data {
    target = module.one.module.network.data.aws_availability_zones.this
    values = { names = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d"] }
  }
  override_data {
    target = module.one.module.network.data.aws_region.this
    values = { name = "us-east-1" }
  }
  override_data {
    target = module.one.module.cluster.data.aws_region.this
    values = { name = "us-east-1" }
  }
  override_resource {
    target = aws_secretsmanager_secret.database
    values = { arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:peccy/database-mock" }
  }
}

mock_provider "aws" {
  alias  = "two"
  source = "../mocks"

  override_data {
    target = module.two.module.network.data.aws_availability_zones.this
    values = { names = ["us-east-2a", "us-east-2b", "us-east-2c"] }
  }
  override_data {
    target = module.two.module.network.data.aws_region.this
    values = { name = "us-east-2" }
  }
  override_data {
    target = module.two.module.cluster.data.aws_region.this
    values = { name = "us-east-2" }
  }
}

# Makes no call: what would ask it is switched off by password_version 0.
provider "aws" {
  alias                       = "passwords"
  region                      = "us-east-1"
  access_key                  = "mock"
  secret_key                  = "mock"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variables {
  admin_principal_arns = ["arn:aws:iam::000000000000:role/admin"]
  # terraform test cannot stand in for ephemeral resources, so the password is left alone here; the apply tests make one.
  database = { password_version = 0 }
}

run "defaults" {
  command = apply

  assert {
    condition     = length(module.one.network.zones) == 3 && length(module.two.network.zones) == 3
    error_message = "each member needs three zones"
  }
  assert {
    condition     = length(setintersection(values(module.one.network.private_cidrs), values(module.two.network.private_cidrs))) == 0
    error_message = "the members' subnets overlap"
  }
  assert {
    condition     = length(aws_route.one_to_two) == 3 && length(aws_route.two_to_one) == 3
    error_message = "each zone's pods have to reach the other Region's databases"
  }
  assert {
    condition     = output.members.two.DATABASE_SECRET_ARN == "arn:aws:secretsmanager:us-east-2:000000000000:secret:peccy/database-mock"
    error_message = "member two must read the database secret in its own Region"
  }
  assert {
    condition     = one(aws_secretsmanager_secret.database.replica[*].region) == "us-east-2"
    error_message = "the database secret is not copied to member two's Region"
  }
  assert {
    condition     = length(aws_secretsmanager_secret_version.database) == 0
    error_message = "password_version 0 must leave the password alone"
  }
  assert {
    condition     = aws_rds_global_cluster.this.storage_encrypted && aws_rds_global_cluster.this.deletion_protection
    error_message = "the global database has to be encrypted and protected"
  }
  assert {
    condition     = output.site.members[1].switch.region == "us-east-2" && try(output.site.members[0].switch, null) == null
    error_message = "the switch that declares two active has to be in two's own Region"
  }
  assert {
    condition     = output.members.one.NODE_INSTANCE_PROFILE == "peccy-one-node" && output.members.two.CLUSTER_NAME == "peccy-two"
    error_message = "names follow the member's identity"
  }
  assert {
    condition     = output.site.probe.scheme == "http" && output.site.probe.port == 80
    error_message = "without certificates the service is asked over HTTP"
  }
  assert {
    condition     = output.site.objectives.recovery_point == "PT60S"
    error_message = "objectives are ISO 8601 durations"
  }
  assert {
    condition = alltrue(concat(
      [toset(keys(output.site)) == toset(keys(yamldecode(file("tests/site.yaml"))))],
      [for key in ["traffic", "objectives", "probe", "database"] : toset(keys(output.site[key])) == toset(keys(yamldecode(file("tests/site.yaml"))[key]))],
      [for i, member in output.site.members : toset(keys(member)) == toset(keys(yamldecode(file("tests/site.yaml")).members[i]))],
      flatten([for i, member in output.site.members : [
        for key in ["capacity", "workload"] : toset(keys(member[key])) == toset(keys(yamldecode(file("tests/site.yaml")).members[i][key]))
      ]]),
    ))
    error_message = "hadr reads site.yaml strictly: the output and tests/site.yaml, which hadr's tests read, have to have the same keys"
  }
}

run "traffic" {
  command = plan

  assert {
    condition     = one(aws_route53_record.this["one"].weighted_routing_policy[*].weight) == 100 && one(aws_route53_record.this["two"].weighted_routing_policy[*].weight) == 0
    error_message = "records begin with all weight on one"
  }
  assert {
    condition     = alltrue([for record in aws_route53_record.this : record.name == "peccy.hadr.test" && alltrue(record.alias[*].evaluate_target_health)])
    error_message = "both records are aliases of one name that look at their targets"
  }
  assert {
    condition     = aws_route53_health_check.declared_away.invert_healthcheck && aws_route53_health_check.declared_away.resource_path == "/active/two"
    error_message = "the switch is an inverted check on the declaration"
  }
  assert {
    condition     = aws_route53_health_check.serves.child_health_threshold == 2 && aws_route53_health_check.serves.type == "CALCULATED"
    error_message = "one serves only when it is ready and nobody declared two"
  }
  assert {
    condition     = alltrue([for check in aws_route53_health_check.ready : check.type == "HTTP" && check.port == 80 && check.resource_path == "/readyz"])
    error_message = "endpoints are asked for readiness over HTTP"
  }
}

run "with_certificates" {
  command = plan

  variables {
    members = {
      one = { region = "us-east-1", cidr = "10.1.0.0/16", certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/one" }
      two = { region = "us-east-2", cidr = "10.2.0.0/16", certificate_arn = "arn:aws:acm:us-east-2:000000000000:certificate/two" }
    }
  }

  # A redirect counts as healthy for Route 53, so a check on port 80 would never fail.
  assert {
    condition     = alltrue([for check in aws_route53_health_check.ready : check.type == "HTTPS" && check.port == 443])
    error_message = "with certificates endpoints have to be asked over HTTPS"
  }
  assert {
    condition     = output.site.probe.scheme == "https" && output.site.probe.port == 443
    error_message = "with certificates the service is asked over HTTPS"
  }
}

run "destroyable" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition     = !aws_rds_global_cluster.this.deletion_protection && aws_secretsmanager_secret.database.recovery_window_in_days == 0
    error_message = "without protection everything has to go"
  }
}
