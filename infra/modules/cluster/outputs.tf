output "name" {
  description = "Name of the cluster."
  value       = aws_eks_cluster.this.name
}

output "arn" {
  description = "ARN of the cluster."
  value       = aws_eks_cluster.this.arn
}

output "security_group_id" {
  description = "Security group of nodes and pods."
  value       = local.security_group
}

output "node_instance_profile" {
  description = "Instance profile of the nodes that Karpenter makes."
  value       = aws_iam_instance_profile.node.name
}

output "queue_name" {
  description = "Karpenter's interruption queue."
  value       = aws_sqs_queue.interruptions.name
}
