output "registry" {
  description = "Host name of the registry."
  value       = split("/", values(aws_ecr_repository.this)[0].repository_url)[0]
}
