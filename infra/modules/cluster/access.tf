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

# No access policy of EKS is as narrow as what hadr does (the viewing ones show secrets, too): its rights are those of its group inside
# the cluster, which deploy/member applies (deploy/components/operator) and `hadr policy --kubernetes` prints.
resource "aws_eks_access_entry" "hadr" {
  cluster_name      = aws_eks_cluster.this.name
  principal_arn     = var.operator_role_arn
  kubernetes_groups = ["hadr"]
}

# Nodes that Karpenter makes; EKS makes the entry of the control node group itself.
resource "aws_eks_access_entry" "node" {
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_iam_role.node.arn
  type          = "EC2_LINUX"
}
