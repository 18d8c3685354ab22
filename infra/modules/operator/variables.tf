variable "name" {
  description = "Name of the role."
  type        = string
}

variable "principal_arns" {
  description = "Who may take the role."
  type        = list(string)
}

variable "things" {
  description = "Kind of thing, as actions.json calls it, to the ARNs that this site has of it. Kinds that are missing allow nothing."
  type        = map(list(string))
}

variable "record_name" {
  description = "Name of the service: the only records that may be changed."
  type        = string
}
