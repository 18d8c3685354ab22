# Values that cannot work are refused before anything is made.

mock_provider "aws" {
  alias  = "one"
  source = "../mocks"

  override_data {
    target = module.one.module.network.data.aws_availability_zones.this
    values = { names = ["us-east-1a", "us-east-1b", "us-east-1c"] }
  }
}

mock_provider "aws" {
  alias  = "two"
  source = "../mocks"

  override_data {
    target = module.two.module.network.data.aws_availability_zones.this
    values = { names = ["us-east-2a", "us-east-2b", "us-east-2c"] }
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
  database             = { password_version = 0 }
}

run "same_region_twice" {
  command = plan
  plan_options {
    target = [aws_vpc_peering_connection.this]
  }
  expect_failures = [var.members]
  variables {
    members = { one = { region = "us-east-1", cidr = "10.1.0.0/16" }, two = { region = "us-east-1", cidr = "10.2.0.0/16" } }
  }
}

run "bad_cidr" {
  command = plan
  plan_options {
    target = [aws_vpc_peering_connection.this]
  }
  expect_failures = [var.members]
  variables {
    members = { one = { region = "us-east-1", cidr = "10.1.0.0" }, two = { region = "us-east-2", cidr = "10.2.0.0/16" } }
  }
}

run "cidr_inside_the_other" {
  command = plan
  plan_options {
    target = [aws_vpc_peering_connection.this]
  }
  expect_failures = [var.members]
  variables {
    members = { one = { region = "us-east-1", cidr = "10.1.64.0/18" }, two = { region = "us-east-2", cidr = "10.1.0.0/16" } }
  }
}

run "neighbouring_cidrs" {
  command = plan
  plan_options {
    target = [aws_vpc_peering_connection.this]
  }
  variables {
    members = { one = { region = "us-east-1", cidr = "10.1.64.0/18" }, two = { region = "us-east-2", cidr = "10.1.128.0/17" } }
  }
}

run "zone_of_another_region" {
  command = plan
  plan_options {
    target = [aws_vpc_peering_connection.this]
  }
  expect_failures = [var.members]
  variables {
    members = {
      one = { region = "us-east-1", cidr = "10.1.0.0/16", zones = ["us-east-1a", "us-east-1b", "us-east-2c"] }
      two = { region = "us-east-2", cidr = "10.2.0.0/16" }
    }
  }
}

run "one_certificate" {
  command = plan
  plan_options {
    target = [aws_vpc_peering_connection.this]
  }
  expect_failures = [var.members]
  variables {
    members = {
      one = { region = "us-east-1", cidr = "10.1.0.0/16", certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/one" }
      two = { region = "us-east-2", cidr = "10.2.0.0/16" }
    }
  }
}

run "everything_else" {
  command = plan
  expect_failures = [
    var.name,
    var.weights,
    var.kubernetes_version,
    var.admin_principal_arns,
    var.api_access_cidrs,
    var.objectives,
  ]
  variables {
    name                 = "Peccy_1"
    weights              = { one = 256, two = 0 }
    kubernetes_version   = "latest"
    admin_principal_arns = []
    api_access_cidrs     = ["0.0.0.0/0"]
    objectives           = { recovery_time = 0 }
  }
}
