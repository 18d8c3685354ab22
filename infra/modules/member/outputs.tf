output "key_arn" {
  description = "KMS key of the member."
  value       = module.key.arn
}

output "network" {
  description = "The member's network."
  value       = module.network
}

output "cluster" {
  description = "The member's EKS cluster."
  value       = module.cluster
}

output "balancer" {
  description = "The member's load balancer."
  value       = module.balancer
}

output "files" {
  description = "The member's file system."
  value       = module.files
}

output "registry" {
  description = "Host name of the member's image registry."
  value       = module.images.registry
}

output "journal" {
  description = "The member's bucket for records of runs."
  value       = module.journal
}
