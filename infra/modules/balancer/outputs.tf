output "dns_name" {
  description = "DNS name of the load balancer."
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "Hosted zone that alias records to the load balancer need."
  value       = aws_lb.this.zone_id
}

output "arn_pattern" {
  description = "ARN of the load balancer without the id that ELB adds: what hadr knows of it, and its role is bound to."
  value       = replace(aws_lb.this.arn, "/[^/]+$/", "*")
}

output "arn_suffix" {
  description = "The load balancer in CloudWatch's terms."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn" {
  description = "ARN of the target group."
  value       = aws_lb_target_group.this.arn
}

output "target_group_arn_suffix" {
  description = "The target group in CloudWatch's terms."
  value       = aws_lb_target_group.this.arn_suffix
}

output "security_group_id" {
  description = "Security group of the load balancer."
  value       = aws_security_group.this.id
}

output "target_port" {
  description = "Port of the web pods."
  value       = var.target_port
}

output "endpoint" {
  description = "How the service is asked: scheme and port."
  value       = { scheme = local.https ? "https" : "http", port = local.https ? 443 : 80 }
}
