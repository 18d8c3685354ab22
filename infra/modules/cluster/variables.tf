variable "name" {
  description = "Name of the EKS cluster and prefix of its roles; the member's identity, never its role."
  type        = string
}

variable "kubernetes_version" {
  description = "Kubernetes version of control plane and control nodes."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the control plane's interfaces and of the control nodes, one in each zone."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "The control plane and its nodes need subnets in at least two zones."
  }
}

variable "key_arn" {
  description = "KMS key of Kubernetes secrets, logs and the database secret."
  type        = string
}

variable "api_access_cidrs" {
  description = "Ranges from which the Kubernetes API can be reached over the internet; none: from inside the VPC only."
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
  description = "Add-on name to a version that is held still; the others follow EKS's default for the Kubernetes version."
  type        = map(string)
  default     = {}
}

variable "balancer" {
  description = "The member's load balancer: its security group, and the target group and port of the pods behind it."
  type = object({
    security_group_id = string
    target_group_arn  = string
    target_port       = number
  })
}

variable "database_secret_arn" {
  description = "The secret in this Region that holds the database's user name and password."
  type        = string
}

variable "service_cidr" {
  description = "IPv4 range of the cluster's Services; clusters that share a network have distinct ones."
  type        = string
  default     = "172.20.0.0/16"
}
