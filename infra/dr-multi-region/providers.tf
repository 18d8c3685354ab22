# Two Regions, two providers, named as the members are. There is no default provider: every resource says where it lives. What is
# global (IAM, Route 53) is made through the first.

provider "aws" {
  alias  = "one"
  region = var.members.one.region

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias  = "two"
  region = var.members.two.region

  default_tags {
    tags = local.tags
  }
}

# For the database password alone. `terraform test` has no stand-in for ephemeral resources, and refuses any that belongs to a provider
# it stands in for; so they get a provider that tests leave as it is.
provider "aws" {
  alias  = "passwords"
  region = var.members.one.region
}
