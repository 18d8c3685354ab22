# Policies are data, so this one is rendered by the real provider, which calls nobody for it.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "mock"
  secret_key                  = "mock"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

variables {
  name           = "peccy-hadr"
  principal_arns = ["arn:aws:iam::000000000000:role/operator"]
  record_name    = "peccy.hadr.test"
}

run "whole_site" {
  command = plan

  variables {
    things = {
      DATABASES = ["arn:aws:rds::000000000000:global-cluster:peccy"]
      INSTANCES = ["arn:aws:rds:us-east-1:000000000000:cluster:peccy-one", "arn:aws:rds:us-east-1:000000000000:db:peccy-one-*"]
      BALANCERS = ["arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/peccy-one/*"]
      FILES     = ["arn:aws:elasticfilesystem:us-east-1:000000000000:file-system/fs-0"]
      CLUSTERS  = ["arn:aws:eks:us-east-1:000000000000:cluster/peccy-one"]
      ZONE      = ["arn:aws:route53:::hostedzone/Z0"]
      RECORDS   = ["arn:aws:route53:::hostedzone/Z0"]
      BUCKETS   = ["arn:aws:s3:::peccy-switch-000000000000-us-east-1"]
      OBJECTS   = ["arn:aws:s3:::peccy-switch-000000000000-us-east-1/active/two"]
    }
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : statement.Action
    ])) == toset(flatten([for kinds in values(jsondecode(file("actions.json"))) : values(kinds)]))
    error_message = "the policy is the table of calls, no more and no less"
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : statement.Resource != "*" if startswith(statement.Sid, "Change")
    ])
    error_message = "every change is bound to things of this site"
  }
  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : statement.Condition["ForAllValues:StringEquals"]["route53:ChangeResourceRecordSetsNormalizedRecordNames"]
      if statement.Sid == "ChangeRecords"
    ]) == "peccy.hadr.test"
    error_message = "of the zone's records only the service's own may be changed"
  }
  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : statement.Resource if statement.Sid == "ChangeObjects"
    ]) == "arn:aws:s3:::peccy-switch-000000000000-us-east-1/active/two"
    error_message = "the switch is one object, and its bucket's name keeps its account"
  }
}

run "site_without_a_second_region" {
  command = plan

  variables {
    things = { CLUSTERS = ["arn:aws:eks:us-east-1:000000000000:cluster/peccy-one"], RECORDS = ["arn:aws:route53:::hostedzone/Z0"] }
  }

  assert {
    condition = toset([
      for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : statement.Sid if startswith(statement.Sid, "Change")
    ]) == toset(["ChangeRecords"])
    error_message = "what a site does not have, hadr may not change"
  }
}
