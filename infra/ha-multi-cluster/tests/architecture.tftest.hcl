mock_provider "aws" {
  source = "../mocks"

  mock_data "aws_availability_zones" {
    defaults = { names = ["ap-southeast-1a", "ap-southeast-1b", "ap-southeast-1c"] }
  }
  mock_data "aws_region" {
    defaults = { name = "ap-southeast-1" }
  }
}

variables {
  admin_principal_arns = ["arn:aws:iam::000000000000:role/admin"]
}

run "defaults" {
  command = apply

  assert {
    condition     = output.members.one.DATABASE_HOST == output.members.two.DATABASE_HOST && output.members.one.FILE_SYSTEM_ID == output.members.two.FILE_SYSTEM_ID
    error_message = "both members share one database and one file system"
  }
  assert {
    condition     = alltrue([for name, member in var.members : output.members[name].DATABASE_READ_HOST == module.database.hosts_by_zone[member.zone]])
    error_message = "each member reads from the database instance in its own zone"
  }
  assert {
    condition     = length(distinct([for member in output.members : member.DATABASE_READ_HOST])) == 2
    error_message = "and these are two"
  }
  assert {
    condition     = output.members.one.CLUSTER_NAME == "peccy-one" && output.members.two.CLUSTER_NAME == "peccy-two" && output.members.two.NODE_INSTANCE_PROFILE == "peccy-two-node"
    error_message = "each member has a cluster of its own"
  }
  assert {
    condition     = alltrue([for record in aws_route53_record.this : record.name == "peccy.hadr.test" && one(record.weighted_routing_policy[*].weight) == 50])
    error_message = "clients are divided evenly to begin with"
  }
  assert {
    condition     = length(distinct([for record in aws_route53_record.this : record.set_identifier])) == 2 && alltrue([for check in aws_route53_health_check.ready : check.resource_path == "/readyz/reads"])
    error_message = "each member's record has a health check of its own"
  }
  assert {
    condition     = length(module.network.zones) == 3
    error_message = "control nodes and data are over three zones"
  }
  assert {
    condition = alltrue(concat(
      [toset(keys(output.site)) == toset(keys(yamldecode(file("tests/site.yaml"))))],
      [for key in ["traffic", "objectives", "probe"] : toset(keys(output.site[key])) == toset(keys(yamldecode(file("tests/site.yaml"))[key]))],
      [for i, member in output.site.members : toset(keys(member)) == toset(keys(yamldecode(file("tests/site.yaml")).members[i]))],
      flatten([for i, member in output.site.members : [
        for key in ["capacity", "workload"] : toset(keys(member[key])) == toset(keys(yamldecode(file("tests/site.yaml")).members[i][key]))
      ]]),
    ))
    error_message = "hadr reads site.yaml strictly: the output and tests/site.yaml, which hadr's tests read, have to have the same keys"
  }
}

run "members_in_the_last_zones" {
  command = apply

  variables {
    members = { one = { zone = "ap-southeast-1c" }, two = { zone = "ap-southeast-1b" } }
  }

  assert {
    condition     = toset(keys(module.database.hosts_by_zone)) == toset(["ap-southeast-1b", "ap-southeast-1c"])
    error_message = "with two instances, they are where the members are"
  }
}

run "an_instance_for_one_member_only" {
  command = apply

  variables {
    database = { instances = 1 }
  }

  assert {
    condition     = output.members.one.DATABASE_READ_HOST == module.database.hosts_by_zone["ap-southeast-1a"] && output.members.two.DATABASE_READ_HOST == output.members.two.DATABASE_HOST
    error_message = "a member without an instance in its zone reads from the writer"
  }
}
