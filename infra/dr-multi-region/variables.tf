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
    condition     = (var.members.one.certificate_arn == null) == (var.members.two.certificate_arn == null)
    error_message = "Either both members have a certificate or neither: clients must find the same service after a failover."
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
  description = "Instance types of the control node groups (two nodes in each cluster)."
  type        = list(string)
  default     = ["m6i.large"]
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
    error_message = "Objectives are whole seconds above 0."
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
