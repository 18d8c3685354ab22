variable "name" {
  description = "Name of the member's cluster and of everything that belongs to it; its identity, never its role."
  type        = string
}

variable "cidr" {
  description = "IPv4 range of the member's VPC."
  type        = string
}

variable "zones" {
  description = "Names of the three zones; without them the first three of the Region."
  type        = list(string)
  default     = null
}

variable "kubernetes_version" {
  description = "Kubernetes version."
  type        = string
}

variable "api_access_cidrs" {
  description = "Ranges from which the Kubernetes API can be reached over the internet."
  type        = list(string)
}

variable "admin_principal_arns" {
  description = "IAM roles and users with full access to the cluster."
  type        = list(string)
}

variable "operator_role_arn" {
  description = "The role that hadr works with."
  type        = string
}

variable "control_instance_types" {
  description = "Instance types of the control node group."
  type        = list(string)
}

variable "addon_versions" {
  description = "Add-on name to a version that is held still."
  type        = map(string)
}

variable "certificate_arn" {
  description = "ACM certificate of the member's Region; without one the service speaks HTTP only."
  type        = string
  default     = null
}

variable "database_secret_arn" {
  description = "The secret in this Region that holds the database's user name and password."
  type        = string
}

variable "repositories" {
  description = "Names of the image repositories."
  type        = set(string)
}

variable "replicate_images_to" {
  description = "Regions to which images are copied."
  type        = list(string)
  default     = []
}

variable "journal_bucket" {
  description = "Name of the bucket for records of runs."
  type        = string
}

variable "deletion_protection" {
  description = "Refuse deletion of what holds data or takes traffic."
  type        = bool
}
