# Policies are data, so this one is made by the real provider; rendering a policy calls nobody.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "mock"
  secret_key                  = "mock"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variables {
  name           = "peccy-hadr"
  principal_arns = ["arn:aws:iam::000000000000:role/operator"]
}

run "whole_site" {
  command = plan

  variables {
    resources = {
      rds               = ["arn:aws:rds::000000000000:global-cluster:peccy"]
      elasticfilesystem = ["arn:aws:elasticfilesystem:us-east-1:000000000000:file-system/fs-0"]
      eks               = ["arn:aws:eks:us-east-1:000000000000:cluster/peccy-one"]
      route53           = ["arn:aws:route53:::hostedzone/Z0"]
      s3                = ["arn:aws:s3:::peccy-switch/active/two"]
    }
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement :
      statement.Resource != "*" if startswith(statement.Sid, "Change") || endswith(statement.Sid, "OfThisSite")
    ])
    error_message = "changes are bound to resources of this site"
  }
  assert {
    condition = toset(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : statement.Action
    ])) == toset(flatten([for kinds in values(jsondecode(file("actions.json"))) : concat(kinds.reads, kinds.changes)]))
    error_message = "the policy is the table of calls, no more and no less"
  }
  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : statement.Resource if statement.Sid == "ReadS3OfThisSite"
    ]) == "arn:aws:s3:::peccy-switch"
    error_message = "listing is of the bucket, not of the object"
  }
}

run "site_without_a_second_region" {
  command = plan

  variables {
    resources = {
      eks     = ["arn:aws:eks:us-east-1:000000000000:cluster/peccy-one"]
      route53 = ["arn:aws:route53:::hostedzone/Z0"]
    }
  }

  assert {
    condition = toset([
      for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : statement.Sid if startswith(statement.Sid, "Change")
    ]) == toset(["ChangeRoute53"])
    error_message = "what a site does not have, hadr may not change"
  }
}
