mock_provider "aws" {
  source = "../../mocks"

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }
}

variables {
  name                   = "peccy-one"
  kubernetes_version     = "1.35"
  subnet_ids             = ["subnet-a", "subnet-b", "subnet-c"]
  key_arn                = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  api_access_cidrs       = []
  admin_principal_arns   = ["arn:aws:iam::000000000000:role/admin"]
  operator_role_arn      = "arn:aws:iam::000000000000:role/peccy-hadr"
  control_instance_types = ["m6i.large"]
  database_secret_arn    = "arn:aws:secretsmanager:us-east-1:000000000000:secret:mock"
  balancer = {
    security_group_id = "sg-00000000000000000"
    target_group_arn  = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/mock/0000000000000000"
    target_port       = 8080
  }
}

run "closed" {
  command = apply

  assert {
    condition     = one(aws_eks_cluster.this.vpc_config[*].endpoint_private_access) && !one(aws_eks_cluster.this.vpc_config[*].endpoint_public_access)
    error_message = "without ranges the API is inside the VPC only"
  }
  assert {
    condition     = one(aws_eks_cluster.this.access_config[*].authentication_mode) == "API" && !one(aws_eks_cluster.this.access_config[*].bootstrap_cluster_creator_admin_permissions)
    error_message = "access is by access entries only, also for whoever makes the cluster"
  }
  assert {
    condition     = one(aws_eks_cluster.this.encryption_config[*].resources) == toset(["secrets"]) && one(aws_eks_cluster.this.zonal_shift_config[*].enabled)
    error_message = "secrets are encrypted, zonal shift is on"
  }
  assert {
    condition     = one(aws_eks_cluster.this.kubernetes_network_config[*].service_ipv4_cidr) == "172.20.0.0/16"
    error_message = "the service range is fixed"
  }
  assert {
    condition     = aws_eks_access_entry.node.type == "EC2_LINUX" && aws_iam_instance_profile.node.name == "peccy-one-node"
    error_message = "Karpenter's nodes join with a profile made beforehand"
  }
  assert {
    condition     = toset(keys(aws_eks_pod_identity_association.this)) == toset(["karpenter", "aws-load-balancer-controller", "efs-csi", "peccy-app"])
    error_message = "each program in the cluster has an identity of its own"
  }
  assert {
    condition     = aws_sqs_queue.interruptions.sqs_managed_sse_enabled && length(aws_cloudwatch_event_target.interruptions) == 4
    error_message = "four kinds of interruption arrive in an encrypted queue"
  }
  assert {
    condition     = aws_eks_access_entry.hadr.kubernetes_groups == toset(["hadr"]) && alltrue([for association in aws_eks_access_policy_association.admin : association.principal_arn != var.operator_role_arn])
    error_message = "hadr has the rights of its group alone"
  }
}

run "control_nodes" {
  command = plan

  assert {
    condition     = one(aws_eks_node_group.control.scaling_config[*].min_size) == 3 && length(aws_eks_node_group.control.subnet_ids) == 3
    error_message = "a control node for each zone"
  }
  assert {
    condition     = one(aws_eks_node_group.control.taint[*].key) == "type" && one(aws_eks_node_group.control.taint[*].value) == "control" && aws_eks_node_group.control.labels["type"] == "control"
    error_message = "control nodes are labelled and tainted"
  }
  assert {
    condition     = one(aws_launch_template.control.metadata_options[*].http_tokens) == "required" && alltrue(aws_launch_template.control.block_device_mappings[*].ebs[0].encrypted)
    error_message = "IMDSv2 only, encrypted disks"
  }
}

run "opened_and_pinned" {
  command = plan

  variables {
    api_access_cidrs = ["203.0.113.0/24"]
    addon_versions   = { coredns = "v1.13.1-eksbuild.1" }
  }

  assert {
    condition     = one(aws_eks_cluster.this.vpc_config[*].public_access_cidrs) == toset(["203.0.113.0/24"])
    error_message = "the API is open to the named range only"
  }
  assert {
    condition     = aws_eks_addon.this["coredns"].addon_version == "v1.13.1-eksbuild.1" && !contains(keys(data.aws_eks_addon_version.this), "coredns")
    error_message = "a pinned add-on is not looked up"
  }
}
