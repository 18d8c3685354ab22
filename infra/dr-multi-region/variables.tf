variable "name" {
  description = "Name of the site, and prefix of what belongs to it. IAM roles are global: two sites in one account need two names."
  type        = string
  default     = "peccy"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", var.name))
    error_message = "${var.name} is not a name: 2 to 16 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "members" {
  description = "The two members: Region, range of the VPC, zones (without them the Region's first three), certificate of that Region (without one the service speaks HTTP only)."
  type = object({
    one = object({ region = string, cidr = string, zones = optional(list(string)), certificate_arn = optional(string) })
    two = object({ region = string, cidr = string, zones = optional(list(string)), certificate_arn = optional(string) })
  })
  default = {
    one = { region = "us-east-1", cidr = "10.1.0.0/16" }
    two = { region = "us-east-2", cidr = "10.2.0.0/16" }
  }

  validation {
    condition     = var.members.one.region != var.members.two.region
    error_message = "Both members are in ${var.members.one.region}. A member must not be lost with the other one's Region."
  }
  validation {
    condition     = alltrue([for member in values(var.members) : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", member.region))])
    error_message = "Not the name of a Region: ${join(", ", [for member in values(var.members) : member.region if !can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", member.region))])}. An example is us-east-1."
  }
  validation {
    condition     = alltrue([for member in values(var.members) : can(cidrhost(member.cidr, 0)) && can(regex("/1[6-9]$", member.cidr))])
    error_message = "Not an IPv4 range between /16 and /19: ${join(", ", [for member in values(var.members) : member.cidr if !(can(cidrhost(member.cidr, 0)) && can(regex("/1[6-9]$", member.cidr)))])}. An example is 10.1.0.0/16."
  }
  validation {
    condition     = alltrue([for member in values(var.members) : try(cidrsubnet(member.cidr, 0, 0) == member.cidr, true)])
    error_message = "Does not begin where its range begins: ${join(", ", [for member in values(var.members) : "${member.cidr} (write ${try(cidrsubnet(member.cidr, 0, 0), "")})" if try(cidrsubnet(member.cidr, 0, 0) != member.cidr, false)])}."
  }
  validation {
    condition     = alltrue([for member in values(var.members) : !startswith(member.cidr, "172.20.")])
    error_message = "${join(", ", [for member in values(var.members) : member.cidr if startswith(member.cidr, "172.20.")])} overlaps 172.20.0.0/16, the range of Kubernetes services."
  }
  validation {
    # Two ranges overlap when, cut to the shorter of the two prefixes, they begin at the same address.
    condition = try(
      cidrsubnet(format("%s/%d", split("/", var.members.one.cidr)[0], min([for m in values(var.members) : tonumber(split("/", m.cidr)[1])]...)), 0, 0)
      != cidrsubnet(format("%s/%d", split("/", var.members.two.cidr)[0], min([for m in values(var.members) : tonumber(split("/", m.cidr)[1])]...)), 0, 0),
      true,
    )
    error_message = "The members' ranges overlap: ${var.members.one.cidr} and ${var.members.two.cidr}. Their VPCs are peered, so they have to be apart."
  }
  validation {
    condition     = alltrue(flatten([for member in values(var.members) : [for zone in coalesce(member.zones, []) : startswith(zone, member.region)]]))
    error_message = "Not a zone of its member's Region: ${join(", ", flatten([for member in values(var.members) : [for zone in coalesce(member.zones, []) : "${zone} (${member.region})" if !startswith(zone, member.region)]]))}."
  }
  validation {
    condition     = alltrue([for member in values(var.members) : member.zones == null ? true : length(distinct(coalesce(member.zones, []))) == 3 && length(coalesce(member.zones, [])) == 3])
    error_message = "A member has exactly three different zones."
  }
  validation {
    condition     = alltrue([for member in values(var.members) : member.certificate_arn == null ? true : can(regex("^arn:[a-z-]+:acm:${member.region}:[0-9]{12}:certificate/", member.certificate_arn))])
    error_message = "Not an ACM certificate of its member's Region: ${join(", ", [for member in values(var.members) : "${member.certificate_arn} (${member.region})" if member.certificate_arn != null && !can(regex("^arn:[a-z-]+:acm:${member.region}:[0-9]{12}:certificate/", coalesce(member.certificate_arn, "-")))])}."
  }
  validation {
    condition     = (var.members.one.certificate_arn == null) == (var.members.two.certificate_arn == null)
    error_message = "Either both members have a certificate or neither: clients must find the same service after a failover."
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
  default     = { one = 100, two = 0 }
  validation {
    condition     = alltrue([for weight in values(var.weights) : weight >= 0 && weight <= 255 && floor(weight) == weight])
    error_message = "A weight is a whole number from 0 to 255."
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
  description = "Ranges from which the Kubernetes APIs can be reached over the internet; none: from inside the VPCs only."
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
  description = "Aurora: engine version, instance class and number for each member, days of backups. password_version: a higher number writes a new password, 0 leaves the password alone (for a database that was brought in from elsewhere)."
  type = object({
    engine_version        = optional(string, "8.0.mysql_aurora.3.08.2")
    instance_class        = optional(string, "db.r6g.large")
    instances             = optional(number, 2)
    backup_retention_days = optional(number, 7)
    password_version      = optional(number, 1)
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
  validation {
    condition     = var.database.password_version >= 0 && floor(var.database.password_version) == var.database.password_version
    error_message = "password_version is a whole number: 0 leaves the password alone, a higher one than before writes a new one."
  }
}

variable "objectives" {
  description = "What was promised, in seconds: longest outage, longest loss of writes, longest loss of files. They become hadr's limits and the alarms'."
  type = object({
    recovery_time       = optional(number, 900)
    recovery_point      = optional(number, 60)
    file_recovery_point = optional(number, 900)
  })
  default = {}
  validation {
    condition     = alltrue([for seconds in values(var.objectives) : seconds > 0 && floor(seconds) == seconds])
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
