mock_provider "aws" {
  source = "../mocks"

  mock_data "aws_availability_zones" {
    defaults = { names = ["ap-northeast-1a", "ap-northeast-1b", "ap-northeast-1c"] }
  }
  mock_data "aws_region" {
    defaults = { name = "ap-northeast-1" }
  }
}

variables {
  admin_principal_arns = ["arn:aws:iam::000000000000:role/admin"]
}

run "defaults" {
  command = apply

  assert {
    condition     = length(module.one.network.zones) == 3 && length(module.one.network.data_subnets) == 3
    error_message = "the cluster and its data are over three zones"
  }
  assert {
    condition     = output.members.one.CLUSTER_NAME == "peccy-one" && output.members.one.NODE_INSTANCE_PROFILE == "peccy-one-node" && output.members.one.AWS_REGION == "ap-northeast-1"
    error_message = "names follow the member's identity"
  }
  assert {
    condition     = startswith(output.members.one.DATABASE_SECRET_ARN, "arn:aws:secretsmanager:") && length(module.database.instance_ids) == 2
    error_message = "two instances, and RDS keeps the password"
  }
  assert {
    condition     = output.traffic.host == "peccy.hadr.test" && alltrue(aws_route53_record.this.alias[*].evaluate_target_health)
    error_message = "the name is an alias that looks at its targets"
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
