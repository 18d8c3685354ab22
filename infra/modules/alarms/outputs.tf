output "topic_arn" {
  description = "Topic to subscribe to."
  value       = aws_sns_topic.this.arn
}
