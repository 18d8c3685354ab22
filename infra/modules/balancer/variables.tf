variable "name" {
  description = "Name of the load balancer and of its target group."
  type        = string
  validation {
    condition     = length(var.name) <= 32
    error_message = "A load balancer's name has at most 32 characters."
  }
}

variable "vpc_id" {
  description = "VPC of the load balancer."
  type        = string
}

variable "vpc_cidr" {
  description = "Range in which the pods are."
  type        = string
}

variable "subnet_ids" {
  description = "Public subnets, one in each zone."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "A load balancer needs subnets in at least two zones."
  }
}

variable "target_port" {
  description = "Port of the web pods."
  type        = number
  default     = 8080
}

variable "cross_zone" {
  description = "Whether a zone's node also sends to pods in other zones."
  type        = bool
  default     = true
}

variable "certificate_arn" {
  description = "ACM certificate of this Region; without one the service speaks HTTP only."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Refuse deletion."
  type        = bool
}
