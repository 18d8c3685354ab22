variable "name" {
  description = "Alias of the key, without `alias/`."
  type        = string
}

variable "deletion_protection" {
  description = "A deleted key can be taken back for 30 days instead of 7."
  type        = bool
}
