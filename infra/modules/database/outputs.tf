output "identifier" {
  description = "Identifier of the cluster."
  value       = aws_rds_cluster.this.cluster_identifier
}

output "arn" {
  description = "ARN of the cluster."
  value       = aws_rds_cluster.this.arn
}

output "writable_arns" {
  description = "ARNs of the cluster and, by their common name, of its instances: between these the writer moves."
  value       = [aws_rds_cluster.this.arn, "${replace(aws_rds_cluster.this.arn, ":cluster:", ":db:")}-*"]
}

output "host" {
  description = "Host name of the cluster's writer endpoint."
  value       = aws_rds_cluster.this.endpoint
}

output "secret_arn" {
  description = "Secret that RDS keeps; none in a global database."
  value       = try(aws_rds_cluster.this.master_user_secret[0].secret_arn, null)
}

output "instance_ids" {
  description = "Identifiers of the instances, known when they are there."
  value       = aws_rds_cluster_instance.this[*].id
}

output "hosts_by_zone" {
  description = "Zone to the host name of the first instance in it: a reader's or, when the writer is there, the writer's."
  value       = { for zone, hosts in { for instance in aws_rds_cluster_instance.this : instance.availability_zone => instance.endpoint... } : zone => hosts[0] }
}
