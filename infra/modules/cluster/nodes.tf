# The control node group (add-ons and controllers, in several zones), and the role of the nodes that Karpenter makes.
# The instance profile is made here, so that making a node needs no IAM, whose control plane is in us-east-1.

data "aws_iam_policy_document" "node_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

locals {
  node_policies = toset(["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"])
}

resource "aws_iam_role" "control" {
  name               = "${var.name}-control"
  assume_role_policy = data.aws_iam_policy_document.node_trust.json
}

resource "aws_iam_role_policy_attachment" "control" {
  for_each   = local.node_policies
  role       = aws_iam_role.control.name
  policy_arn = "${local.arn}:iam::aws:policy/${each.value}"
}

resource "aws_iam_role" "node" {
  name               = "${var.name}-node"
  assume_role_policy = data.aws_iam_policy_document.node_trust.json
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each   = local.node_policies
  role       = aws_iam_role.node.name
  policy_arn = "${local.arn}:iam::aws:policy/${each.value}"
}

resource "aws_iam_instance_profile" "node" {
  name = "${var.name}-node"
  role = aws_iam_role.node.name
}

resource "aws_launch_template" "control" {
  name                   = "${var.name}-control"
  update_default_version = true

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size           = 30
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "${var.name}-control" }
  }
}

resource "aws_eks_node_group" "control" {
  cluster_name    = aws_eks_cluster.this.name
  node_group_name = "control"
  node_role_arn   = aws_iam_role.control.arn
  subnet_ids      = var.subnet_ids
  ami_type        = "AL2023_x86_64_STANDARD"
  instance_types  = var.control_instance_types
  labels          = { type = "control" }

  taint {
    key    = "type"
    value  = "control"
    effect = "NO_SCHEDULE"
  }

  # One in each zone: each zone has a name server of its own, and the loss of any one leaves two controllers of each kind a place.
  scaling_config {
    min_size     = length(var.subnet_ids)
    desired_size = length(var.subnet_ids)
    max_size     = 2 * length(var.subnet_ids)
  }

  update_config {
    max_unavailable = 1
  }

  node_repair_config {
    enabled = true
  }

  launch_template {
    id      = aws_launch_template.control.id
    version = aws_launch_template.control.latest_version
  }

  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
  }

  depends_on = [aws_iam_role_policy_attachment.control, aws_eks_addon.network]
}
