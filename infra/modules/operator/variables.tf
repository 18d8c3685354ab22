variable "name" {
  description = "Name of the role."
  type        = string
}

variable "principal_arns" {
  description = "Who may take the role."
  type        = list(string)
}

variable "resources" {
  description = "IAM's name of a service to what hadr may change of it in this site: ARNs. S3: objects; EKS and Route 53: also what it may read."
  type        = map(list(string))
}
