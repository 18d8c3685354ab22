# AWS permissions of programs in the cluster: one role for each service account, by EKS Pod Identity.

locals {
  identities = {
    karpenter                    = { namespace = "kube-system", service_account = "karpenter" }
    aws-load-balancer-controller = { namespace = "kube-system", service_account = "aws-load-balancer-controller" }
    efs-csi                      = { namespace = "kube-system", service_account = "efs-csi-controller-sa" }
    peccy-app                    = { namespace = "peccy", service_account = "peccy-app" }
  }
  own_policies = {
    karpenter                    = data.aws_iam_policy_document.karpenter.json
    aws-load-balancer-controller = data.aws_iam_policy_document.balancer_controller.json
    peccy-app                    = data.aws_iam_policy_document.app.json
  }
}

data "aws_iam_policy_document" "pod_trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "pod" {
  for_each           = local.identities
  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.pod_trust.json
}

resource "aws_iam_role_policy" "pod" {
  for_each = local.own_policies
  name     = each.key
  role     = aws_iam_role.pod[each.key].name
  policy   = each.value
}

resource "aws_iam_role_policy_attachment" "efs_csi" {
  role       = aws_iam_role.pod["efs-csi"].name
  policy_arn = "${local.arn}:iam::aws:policy/service-role/AmazonEFSCSIDriverPolicy"
}

resource "aws_eks_pod_identity_association" "this" {
  for_each        = local.identities
  cluster_name    = aws_eks_cluster.this.name
  namespace       = each.value.namespace
  service_account = each.value.service_account
  role_arn        = aws_iam_role.pod[each.key].arn
}

# The controller only registers pods with the target group that Terraform owns; it makes no balancer and no security group rule.
data "aws_iam_policy_document" "balancer_controller" {
  # checkov:skip=CKV_AWS_356:ELB and EC2 reads know no resource-level permissions

  statement {
    sid = "Read"
    actions = [
      "ec2:DescribeAvailabilityZones",
      "ec2:DescribeInstances",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcs",
      "elasticloadbalancing:DescribeListeners",
      "elasticloadbalancing:DescribeLoadBalancers",
      "elasticloadbalancing:DescribeTags",
      "elasticloadbalancing:DescribeTargetGroupAttributes",
      "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeTargetHealth",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "RegisterPods"
    actions   = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"]
    resources = [var.balancer.target_group_arn]
  }
}

data "aws_iam_policy_document" "app" {
  statement {
    sid       = "DatabaseSecret"
    actions   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    resources = [var.database_secret_arn]
  }

  statement {
    sid       = "ItsKey"
    actions   = ["kms:Decrypt"]
    resources = [var.key_arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${local.region}.amazonaws.com"]
    }
  }
}
