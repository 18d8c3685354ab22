# The role hadr works with: exactly the calls in its own table (actions.json, see generate.py), bound to this site's resources where
# the service allows it. Reads of services without resource-level permissions are for any resource.

locals {
  actions = jsondecode(file("${path.module}/actions.json"))

  # What may be changed, by service; a service that is not here changes nothing.
  changed = { for service, arns in var.resources : service => arns if length(arns) > 0 }
  bound   = ["eks", "route53", "s3"]

  reads = { for service, kinds in local.actions : service => kinds.reads if length(kinds.reads) > 0 }
  changes = {
    for service, kinds in local.actions : service => kinds.changes
    if length(kinds.changes) > 0 && contains(keys(local.changed), service)
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = var.principal_arns
    }
  }
}

data "aws_iam_policy_document" "this" {
  # checkov:skip=CKV_AWS_356:describing calls know no resource-level permissions; every change is bound to this site's resources

  dynamic "statement" {
    for_each = { for service, actions in local.reads : service => actions if !contains(local.bound, service) }
    content {
      sid       = "Read${title(statement.key)}"
      actions   = statement.value
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = { for service, actions in local.reads : service => actions if contains(local.bound, service) && contains(keys(local.changed), service) }
    content {
      sid       = "Read${title(statement.key)}OfThisSite"
      actions   = statement.value
      resources = statement.key == "s3" ? [for arn in local.changed[statement.key] : split("/", arn)[0]] : local.changed[statement.key]
    }
  }

  dynamic "statement" {
    for_each = local.changes
    content {
      sid       = "Change${title(statement.key)}"
      actions   = statement.value
      resources = local.changed[statement.key]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "What hadr may do to this site"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 14400
}

resource "aws_iam_role_policy" "this" {
  name   = "calls"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.this.json
}
