# Who may do what in the cluster.

locals {
  policies = "${local.arn}:eks::aws:cluster-access-policy"
}

resource "aws_eks_access_entry" "admin" {
  for_each      = toset(var.admin_principal_arns)
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value
}

resource "aws_eks_access_policy_association" "admin" {
  for_each      = aws_eks_access_entry.admin
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value.principal_arn
  policy_arn    = "${local.policies}/AmazonEKSClusterAdminPolicy"

  access_scope {
    type = "cluster"
  }
}

# hadr sees the whole cluster (nodes are not in any namespace) and scales Deployments in two namespaces. What it does to nodes and node
# pools when it leaves a zone is allowed to its group inside the cluster (`hadr policy --kubernetes`): EKS has no policy that narrow.
resource "aws_eks_access_entry" "hadr" {
  cluster_name      = aws_eks_cluster.this.name
  principal_arn     = var.operator_role_arn
  kubernetes_groups = ["hadr"]
}

resource "aws_eks_access_policy_association" "hadr_view" {
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_eks_access_entry.hadr.principal_arn
  policy_arn    = "${local.policies}/AmazonEKSAdminViewPolicy"

  access_scope {
    type = "cluster"
  }
}

resource "aws_eks_access_policy_association" "hadr_scale" {
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_eks_access_entry.hadr.principal_arn
  policy_arn    = "${local.policies}/AmazonEKSEditPolicy"

  access_scope {
    type       = "namespace"
    namespaces = ["kube-system", "peccy"]
  }
}

# Nodes that Karpenter makes; EKS makes the entry of the control node group itself.
resource "aws_eks_access_entry" "node" {
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_iam_role.node.arn
  type          = "EC2_LINUX"
}
