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
  name                   = "peccy-two"
  cidr                   = "10.2.0.0/16"
  zones                  = ["us-east-1a", "us-east-1b", "us-east-1c"]
  kubernetes_version     = "1.35"
  api_access_cidrs       = []
  admin_principal_arns   = ["arn:aws:iam::000000000000:role/admin"]
  operator_role_arn      = "arn:aws:iam::000000000000:role/peccy-hadr"
  control_instance_types = ["m6i.large"]
  addon_versions         = {}
  database_secret_arn    = "arn:aws:secretsmanager:us-east-1:000000000000:secret:peccy/database-mock"
  repositories           = ["peccy-app", "peccy-web"]
  journal_bucket         = "peccy-journal-000000000000-us-east-1"
  deletion_protection    = true
}

run "complete_by_itself" {
  command = apply

  assert {
    condition     = output.cluster.name == "peccy-two" && output.cluster.node_instance_profile == "peccy-two-node"
    error_message = "everything of a member is named after it"
  }
  assert {
    condition     = length(output.network.private_subnets) == 3 && length(output.network.public_subnets) == 3 && length(output.network.data_subnets) == 3
    error_message = "every zone has nodes, a way in and data"
  }
}
