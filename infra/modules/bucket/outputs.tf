output "name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.id
}

output "arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "host" {
  description = "Host name under which the bucket is asked."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}
