variable "name" {
  description = "Name of the file system; it is made once for each name."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the mount targets."
  type        = string
}

variable "subnets" {
  description = "Zone name to the subnet of its mount target."
  type        = map(string)
}

variable "client_security_groups" {
  description = "Who may mount, by name: security groups."
  type        = map(string)
}

variable "key_arn" {
  description = "KMS key of the contents."
  type        = string
}

variable "user_id" {
  description = "User and group id that everything written through the access point belongs to."
  type        = number
  default     = 10001
}
