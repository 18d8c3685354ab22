variable "name" {
  description = "Name of the VPC and prefix of what is in it."
  type        = string
}

variable "cidr" {
  description = "IPv4 range of the VPC, /16 to /19."
  type        = string
  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 19, false)
    error_message = "${var.cidr} is not an IPv4 range between /16 and /19, for example 10.1.0.0/16."
  }
}

variable "zones" {
  description = "Names of the three zones; without them the first three that the account has in the Region."
  type        = list(string)
  default     = null
  validation {
    condition     = var.zones == null ? true : length(distinct(var.zones)) == 3 && length(var.zones) == 3
    error_message = "Exactly three different zones are needed."
  }
}

variable "discovery" {
  description = "Zone name to the EKS cluster whose Karpenter nodes live in that zone's private subnet; without it the cluster that is called as the VPC, in every zone."
  type        = map(string)
  default     = null
}

variable "key_arn" {
  description = "KMS key of the flow log."
  type        = string
}
