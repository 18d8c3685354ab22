variable "repositories" {
  description = "Names of the repositories."
  type        = set(string)
}

variable "replicate_to" {
  description = "Regions to which images are copied."
  type        = list(string)
  default     = []
}

variable "key_arn" {
  description = "KMS key of the images."
  type        = string
}

variable "deletion_protection" {
  description = "Refuse to delete a repository that is not empty."
  type        = bool
}
