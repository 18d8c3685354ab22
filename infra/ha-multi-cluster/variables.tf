variable "name" {
  description = "Name of the site, and prefix of what belongs to it. IAM roles are global: two sites in one account need two names."
  type        = string
  default     = "peccy"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", var.name))
    error_message = "${var.name} is not a name: 2 to 16 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "region" {
  description = "Region of everything."
  type        = string
  default     = "ap-southeast-1"
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "${var.region} is not the name of a Region such as ap-southeast-1."
  }
}

variable "cidr" {
  description = "IPv4 range of the VPC, /16 to /19."
  type        = string
  default     = "10.4.0.0/16"
  validation {
    condition     = can(cidrhost(var.cidr, 0)) && can(regex("/1[6-9]$", var.cidr))
    error_message = "${var.cidr} is not an IPv4 range between /16 and /19 such as 10.4.0.0/16."
  }
}

variable "zones" {
  description = "Names of the three zones; without them the first three that the account has in the Region."
  type        = list(string)
  default     = null
  validation {
    condition     = alltrue([for zone in coalesce(var.zones, []) : startswith(zone, var.region)])
    error_message = "Not a zone of ${var.region}: ${join(", ", [for zone in coalesce(var.zones, []) : zone if !startswith(zone, var.region)])}."
  }
  validation {
    condition     = var.zones == null ? true : length(distinct(coalesce(var.zones, []))) == 3 && length(coalesce(var.zones, [])) == 3
    error_message = "Exactly three different zones are needed."
  }
}

variable "members" {
  description = "The two members, each with the zone in which its workload lives."
  type        = object({ one = object({ zone = string }), two = object({ zone = string }) })
  default     = { one = { zone = "ap-southeast-1a" }, two = { zone = "ap-southeast-1b" } }
  validation {
    condition     = var.members.one.zone != var.members.two.zone
    error_message = "Both members live in ${var.members.one.zone}. A member must not be lost with the other one's zone."
  }
  validation {
    condition     = alltrue([for member in values(var.members) : startswith(member.zone, var.region)])
    error_message = "Not a zone of ${var.region}: ${join(", ", [for member in values(var.members) : member.zone if !startswith(member.zone, var.region)])}."
  }
  validation {
    condition     = var.zones == null ? true : length(setsubtract([for member in values(var.members) : member.zone], coalesce(var.zones, []))) == 0
    error_message = "A member lives in a zone that is not among the VPC's: ${join(", ", setsubtract([for member in values(var.members) : member.zone], coalesce(var.zones, [])))}."
  }
}

variable "hosted_zone" {
  description = "DNS zone that is made for the site. The service is <name>.<hosted_zone>."
  type        = string
  default     = "hadr.test"
}

variable "weights" {
  description = "Weights of the DNS records when they are made. From then on they are state that hadr owns."
  type        = object({ one = number, two = number })
  default     = { one = 50, two = 50 }
  validation {
    condition     = alltrue([for weight in values(var.weights) : weight >= 0 && weight <= 255 && floor(weight) == weight])
    error_message = "A weight is a whole number from 0 to 255."
  }
}

variable "certificate_arn" {
  description = "ACM certificate of the Region; without one the service speaks HTTP only."
  type        = string
  default     = null
}

variable "kubernetes_version" {
  description = "Kubernetes version of both clusters."
  type        = string
  default     = "1.35"
  validation {
    condition     = can(regex("^1\\.[0-9]+$", var.kubernetes_version))
    error_message = "${var.kubernetes_version} is not a Kubernetes version such as 1.35."
  }
}

variable "addon_versions" {
  description = "EKS add-on name to a version that is held still; the others follow EKS's default for the Kubernetes version."
  type        = map(string)
  default     = {}
}

variable "admin_principal_arns" {
  description = "IAM roles and users with full access to both clusters. At least one, or nobody gets in."
  type        = list(string)
  validation {
    condition     = length(var.admin_principal_arns) > 0 && alltrue([for arn in var.admin_principal_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "At least one ARN of an IAM role or user is needed, such as arn:aws:iam::<account>:role/<name>."
  }
}

variable "operator_principal_arns" {
  description = "Who may take hadr's role; none: the admins."
  type        = list(string)
  default     = []
}

variable "api_access_cidrs" {
  description = "Ranges from which the Kubernetes APIs can be reached over the internet; none: from inside the VPC only."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for cidr in var.api_access_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "Each has to be an IPv4 range, and the whole internet is not one: name your own addresses."
  }
}

variable "control_instance_types" {
  description = "Instance types of the control node groups (two nodes in each cluster)."
  type        = list(string)
  default     = ["m6i.large"]
}

variable "database" {
  description = "Aurora: engine version, instance class, number of instances over the zones, days of backups. RDS makes, keeps and rotates the password."
  type = object({
    engine_version        = optional(string, "8.0.mysql_aurora.3.08.2")
    instance_class        = optional(string, "db.r6g.large")
    instances             = optional(number, 2)
    backup_retention_days = optional(number, 7)
  })
  default = {}
}

variable "objectives" {
  description = "What was promised: the longest outage, in seconds. In one Region no acknowledged write is lost with a zone."
  type        = object({ recovery_time = optional(number, 180) })
  default     = {}
  validation {
    condition     = var.objectives.recovery_time > 0 && floor(var.objectives.recovery_time) == var.objectives.recovery_time
    error_message = "An objective is a whole number of seconds above 0."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete what holds data or takes traffic. Set it to false, and apply, before destroying."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
}
