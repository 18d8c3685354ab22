# The role hadr works with: exactly the calls in its own table (actions.json, see generate.py), bound to this site's things. The ARNs
# have `*` for the account, as `hadr policy` writes them, so that `hadr policy --check` can compare; a role acts in its own account only.

data "aws_caller_identity" "this" {}

locals {
  actions = jsondecode(file("${path.module}/actions.json"))
  account = data.aws_caller_identity.this.account_id
  things  = merge({ ANY = ["*"] }, { for on, arns in var.things : on => [for arn in arns : replace(arn, ":${local.account}:", ":*:")] })

  # One statement for each kind of access to each kind of thing that the site has.
  statements = merge([
    for on, kinds in local.actions : {
      for access, actions in kinds : "${access == "changes" ? "Change" : "Read"}${title(lower(on))}" => { on = on, actions = actions }
    } if length(lookup(local.things, on, [])) > 0
  ]...)
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
  # checkov:skip=CKV_AWS_356:describing calls know no resource-level permissions; every change is bound to this site's things

  dynamic "statement" {
    for_each = local.statements
    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = local.things[statement.value.on]

      # Nothing of the zone but the service's own name may be changed, and nothing may be deleted.
      dynamic "condition" {
        for_each = statement.value.on == "RECORDS" ? {
          NormalizedRecordNames = [var.record_name]
          RecordTypes           = ["A", "AAAA"]
          Actions               = ["UPSERT"]
        } : {}
        content {
          test     = "ForAllValues:StringEquals"
          variable = "route53:ChangeResourceRecordSets${condition.key}"
          values   = condition.value
        }
      }
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
