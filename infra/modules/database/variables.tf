variable "name" {
  description = "Identifier of the Aurora cluster."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the cluster."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets without a way out, one in each zone."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Aurora needs subnets in at least two zones."
  }
}

variable "zones" {
  description = "Zones of the instances, in this order; after the last the first again. The subnets are in these."
  type        = list(string)
  validation {
    condition     = length(var.zones) >= 2 && length(distinct(var.zones)) == length(var.zones)
    error_message = "An Aurora cluster needs at least two different zones."
  }
}

variable "client_security_groups" {
  description = "Who may connect, by name: security groups of this Region."
  type        = map(string)
}

variable "client_cidrs" {
  description = "Who may connect from elsewhere, by name: ranges."
  type        = map(string)
  default     = {}
}

variable "key_arn" {
  description = "KMS key of storage, backups and, where RDS keeps the password, its secret."
  type        = string
}

variable "engine_version" {
  description = "Aurora MySQL version."
  type        = string
}

variable "instance_class" {
  description = "Instance class. A member that stands by has the same: it has to carry the load at once."
  type        = string
}

variable "instances" {
  description = "Number of instances, spread over the zones."
  type        = number
  validation {
    condition     = var.instances >= 1 && var.instances <= 15
    error_message = "An Aurora cluster has 1 to 15 instances."
  }
}

variable "database_name" {
  description = "Name of the database that is made at the beginning."
  type        = string
}

variable "master_username" {
  description = "Name of the first user."
  type        = string
  default     = "peccy"
}

variable "global_cluster" {
  description = "Global database to be part of; none: a cluster by itself, whose password RDS keeps."
  type        = string
  default     = null
}

variable "origin" {
  description = "Whether the global database begins with this cluster. A fact of its creation, not of its role."
  type        = bool
  default     = false
}

variable "password" {
  description = "Password of the first user of a global database (RDS does not keep those); never stored by Terraform."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}

variable "password_version" {
  description = "The password is written when this changes."
  type        = number
  default     = null
}

variable "backup_retention_days" {
  description = "Days of point-in-time recovery."
  type        = number
  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35
    error_message = "Aurora keeps backups for 1 to 35 days."
  }
}

variable "deletion_protection" {
  description = "Refuse deletion, and leave a last snapshot."
  type        = bool
}
