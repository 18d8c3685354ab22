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
  validation {
    condition     = try(cidrsubnet(var.cidr, 0, 0) == var.cidr, true)
    error_message = "${var.cidr} does not begin where its range begins: write ${try(cidrsubnet(var.cidr, 0, 0), "")}."
  }
  validation {
    condition     = !startswith(var.cidr, "172.20.")
    error_message = "${var.cidr} overlaps 172.20.0.0/16, the range of Kubernetes services."
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
  validation {
    condition     = length(var.hosted_zone) <= 230 && can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]*[a-z0-9])?$", var.hosted_zone))
    error_message = "${var.hosted_zone} is not the name of a DNS zone: lower-case labels with dots between them and none at the end, such as ha.example.com."
  }
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
  validation {
    condition     = var.certificate_arn == null ? true : can(regex("^arn:[a-z-]+:acm:${var.region}:[0-9]{12}:certificate/", var.certificate_arn))
    error_message = "Not an ACM certificate of ${var.region}: ${coalesce(var.certificate_arn, "none")}."
  }
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
  validation {
    condition     = alltrue([for arn in var.operator_principal_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "Not the ARN of an IAM role or user: ${join(", ", [for arn in var.operator_principal_arns : arn if !can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/", arn))])}."
  }
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
  description = "Instance types of the control node groups (in each cluster one node for each zone)."
  type        = list(string)
  default     = ["m6i.large"]
  validation {
    condition     = length(var.control_instance_types) > 0 && alltrue([for type in var.control_instance_types : can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", type))])
    error_message = "At least one instance type such as m6i.large is needed."
  }
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

  validation {
    condition     = can(regex("^8\\.0\\.mysql_aurora\\.3\\.[0-9]+\\.[0-9]+$", var.database.engine_version))
    error_message = "${var.database.engine_version} is not a version of Aurora MySQL 3 such as 8.0.mysql_aurora.3.08.2."
  }
  validation {
    condition     = startswith(var.database.instance_class, "db.")
    error_message = "${var.database.instance_class} is not an instance class such as db.r6g.large."
  }
  validation {
    condition     = var.database.instances >= 1 && var.database.instances <= 15 && floor(var.database.instances) == var.database.instances
    error_message = "An Aurora cluster has 1 to 15 instances, not ${var.database.instances}."
  }
  validation {
    condition     = var.database.backup_retention_days >= 1 && var.database.backup_retention_days <= 35 && floor(var.database.backup_retention_days) == var.database.backup_retention_days
    error_message = "Aurora keeps backups for 1 to 35 days, not ${var.database.backup_retention_days}."
  }
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
  validation {
    condition     = length([for key in keys(var.tags) : key if startswith(lower(key), "aws:")]) == 0
    error_message = "Tags that begin with aws: belong to AWS."
  }
}
