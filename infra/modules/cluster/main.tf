# One EKS cluster of one member: the control plane, and how people and programs get in. Roles live in access entries, never in a ConfigMap.

data "aws_partition" "this" {}
data "aws_region" "this" {}
data "aws_caller_identity" "this" {}

locals {
  arn     = "arn:${data.aws_partition.this.partition}"
  region  = data.aws_region.this.name
  account = data.aws_caller_identity.this.account_id
}

data "aws_iam_policy_document" "cluster_trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["eks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "cluster_key" {
  statement {
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ListGrants", "kms:DescribeKey"]
    resources = [var.key_arn]
  }
}

resource "aws_iam_role" "cluster" {
  name               = "${var.name}-cluster"
  assume_role_policy = data.aws_iam_policy_document.cluster_trust.json
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "${local.arn}:iam::aws:policy/AmazonEKSClusterPolicy"
}

resource "aws_iam_role_policy" "cluster_key" {
  name   = "secrets-key"
  role   = aws_iam_role.cluster.name
  policy = data.aws_iam_policy_document.cluster_key.json
}

resource "aws_cloudwatch_log_group" "cluster" {
  name              = "/aws/eks/${var.name}/cluster"
  retention_in_days = 365
  kms_key_id        = var.key_arn
}

resource "aws_eks_cluster" "this" {
  # checkov:skip=CKV_AWS_39:the public endpoint is off until api_access_cidrs names who may reach it
  # checkov:skip=CKV_AWS_38:as above; the variable refuses 0.0.0.0/0

  name                          = var.name
  version                       = var.kubernetes_version
  role_arn                      = aws_iam_role.cluster.arn
  bootstrap_self_managed_addons = false
  enabled_cluster_log_types     = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = false
  }

  vpc_config {
    subnet_ids              = var.subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = length(var.api_access_cidrs) > 0
    public_access_cidrs     = length(var.api_access_cidrs) > 0 ? var.api_access_cidrs : null
  }

  kubernetes_network_config {
    service_ipv4_cidr = var.service_cidr
  }

  encryption_config {
    resources = ["secrets"]
    provider {
      key_arn = var.key_arn
    }
  }

  upgrade_policy {
    support_type = "STANDARD"
  }

  zonal_shift_config {
    enabled = true
  }

  depends_on = [aws_iam_role_policy_attachment.cluster, aws_iam_role_policy.cluster_key, aws_cloudwatch_log_group.cluster]
}

locals {
  security_group = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

# Karpenter gives its nodes the group that carries this tag.
resource "aws_ec2_tag" "discovery" {
  resource_id = local.security_group
  key         = "karpenter.sh/discovery"
  value       = var.name
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  security_group_id            = local.security_group
  referenced_security_group_id = var.balancer.security_group_id
  description                  = "load balancer to web pods"
  ip_protocol                  = "tcp"
  from_port                    = var.balancer.target_port
  to_port                      = var.balancer.target_port
}
