variable "name" {
  description = "The member whose alarms these are."
  type        = string
}

variable "key_arn" {
  description = "KMS key of the topic."
  type        = string
}

variable "balancer" {
  description = "Load balancer and target group in CloudWatch's terms."
  type        = object({ arn_suffix = string, target_group_arn_suffix = string })
}

variable "database_lag" {
  description = "Aurora cluster of a global database and the lag that is too much."
  type        = object({ cluster = string, milliseconds = number })
  default     = null
}

variable "file_lag" {
  description = "File system, the one it is copied to while it is the source, and the age of a copy that is too much."
  type        = object({ source = string, destination = string, seconds = number })
  default     = null
}
