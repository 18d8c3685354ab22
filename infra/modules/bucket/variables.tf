variable "name" {
  description = "Name of the bucket, unique in AWS."
  type        = string
}

variable "key_arn" {
  description = "KMS key of the contents; not used for a switch."
  type        = string
  default     = null
}

variable "public_key" {
  description = "The one object that anyone may read; none for a private bucket."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Refuse to delete a bucket that is not empty."
  type        = bool
}
