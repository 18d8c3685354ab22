output "role_arn" {
  description = "ARN of hadr's role."
  value       = aws_iam_role.this.arn
}
