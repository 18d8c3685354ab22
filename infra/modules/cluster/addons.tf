# EKS add-ons. What nodes need to become ready comes before them, the rest after. Their pods run on the control nodes.

locals {
  on_control_nodes = {
    nodeSelector = { type = "control" }
    tolerations  = [{ key = "type", operator = "Equal", value = "control", effect = "NoSchedule" }]
  }
  network_addons = {
    vpc-cni                = jsonencode({ enableNetworkPolicy = "true" })
    kube-proxy             = null
    eks-pod-identity-agent = null
  }
  # A name server for each zone, since the Service prefers the caller's own (deploy/addons/coredns): pods of a zone without one would ask
  # the others' by turns, and one of those dies with a lost zone. EKS only prefers to keep them apart, so all could land on one node.
  apart = {
    replicaCount = length(var.subnet_ids)
    affinity = {
      podAntiAffinity = {
        requiredDuringSchedulingIgnoredDuringExecution = [
          { topologyKey = "kubernetes.io/hostname", labelSelector = { matchLabels = { k8s-app = "kube-dns" } } }
        ]
      }
    }
  }
  addons = {
    coredns            = jsonencode(merge(local.on_control_nodes, local.apart))
    aws-efs-csi-driver = jsonencode({ controller = local.on_control_nodes })
  }
  versions = merge({ for name, found in data.aws_eks_addon_version.this : name => found.version }, var.addon_versions)
}

# EKS's default for this Kubernetes version; a version in addon_versions holds it still.
data "aws_eks_addon_version" "this" {
  for_each           = setsubtract(keys(merge(local.network_addons, local.addons)), keys(var.addon_versions))
  addon_name         = each.key
  kubernetes_version = var.kubernetes_version
}

resource "aws_eks_addon" "network" {
  for_each                    = local.network_addons
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = local.versions[each.key]
  configuration_values        = each.value
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
}

resource "aws_eks_addon" "this" {
  for_each                    = local.addons
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = local.versions[each.key]
  configuration_values        = each.value
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  depends_on                  = [aws_eks_node_group.control, aws_eks_pod_identity_association.this]
}
