mock_provider "aws" {
  source = "../../mocks"

  mock_data "aws_availability_zones" {
    defaults = { names = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d"] }
  }
  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }
}

variables {
  name    = "peccy-one"
  cidr    = "10.1.0.0/16"
  key_arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
}

run "three_zones" {
  command = plan

  assert {
    condition     = length(distinct(concat(values(output.private_cidrs), values(local.data), values(local.public)))) == 9
    error_message = "each of the nine subnets needs a range of its own"
  }
  assert {
    condition     = output.private_cidrs == { "us-east-1a" = "10.1.0.0/20", "us-east-1b" = "10.1.16.0/20", "us-east-1c" = "10.1.32.0/20" }
    error_message = "nodes and pods have the first three /20"
  }
  assert {
    condition     = local.data == { "us-east-1a" = "10.1.96.0/24", "us-east-1b" = "10.1.97.0/24", "us-east-1c" = "10.1.98.0/24" }
    error_message = "data has /24s behind the public subnets"
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 3
    error_message = "a zone must not need another one to reach AWS"
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.private : subnet.tags["karpenter.sh/discovery"] == "peccy-one"])
    error_message = "Karpenter must find every private subnet"
  }
  assert {
    condition     = alltrue([for subnet in values(aws_subnet.public) : subnet.map_public_ip_on_launch != true])
    error_message = "nothing gets a public address by being there"
  }
}

run "clusters_of_one_zone" {
  command = plan

  variables {
    discovery = { "us-east-1a" = "peccy-one", "us-east-1b" = "peccy-two" }
  }

  assert {
    condition     = aws_subnet.private["us-east-1a"].tags["karpenter.sh/discovery"] == "peccy-one" && aws_subnet.private["us-east-1b"].tags["karpenter.sh/discovery"] == "peccy-two"
    error_message = "each cluster's nodes belong to its own zone"
  }
  assert {
    condition     = !contains(keys(aws_subnet.private["us-east-1c"].tags), "karpenter.sh/discovery")
    error_message = "no workload in the third zone"
  }
}

run "zone_that_is_not_there" {
  command         = plan
  expect_failures = [aws_vpc.this]
  variables {
    zones = ["us-east-1a", "us-east-1b", "us-east-1z"]
  }
}

run "cluster_in_a_zone_outside" {
  command         = plan
  expect_failures = [aws_vpc.this]
  variables {
    discovery = { "us-east-1d" = "peccy-one" }
  }
}
