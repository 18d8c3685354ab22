# dr-multi-region: two members, each with everything it needs in a Region of its own. Which of them is active is state, never code:
# hadr moves roles, and `plan` stays empty.

locals {
  tags         = merge({ Site = var.name, Architecture = "dr-multi-region", ManagedBy = "terraform" }, var.tags)
  cluster      = { for name in keys(var.members) : name => "${var.name}-${name}" }
  repositories = ["${var.name}-app", "${var.name}-web"]
  account      = data.aws_caller_identity.this.account_id
}

data "aws_caller_identity" "this" {
  provider = aws.one
}

module "one" {
  source                 = "../modules/member"
  providers              = { aws = aws.one }
  name                   = local.cluster.one
  cidr                   = var.members.one.cidr
  zones                  = var.members.one.zones
  certificate_arn        = var.members.one.certificate_arn
  kubernetes_version     = var.kubernetes_version
  addon_versions         = var.addon_versions
  api_access_cidrs       = var.api_access_cidrs
  admin_principal_arns   = var.admin_principal_arns
  operator_role_arn      = module.operator.role_arn
  control_instance_types = var.control_instance_types
  database_secret_arn    = local.secret.one
  repositories           = local.repositories
  replicate_images_to    = [var.members.two.region]
  journal_bucket         = "${var.name}-journal-${local.account}-${var.members.one.region}"
  deletion_protection    = var.deletion_protection
}

module "two" {
  source                 = "../modules/member"
  providers              = { aws = aws.two }
  name                   = local.cluster.two
  cidr                   = var.members.two.cidr
  zones                  = var.members.two.zones
  certificate_arn        = var.members.two.certificate_arn
  kubernetes_version     = var.kubernetes_version
  addon_versions         = var.addon_versions
  api_access_cidrs       = var.api_access_cidrs
  admin_principal_arns   = var.admin_principal_arns
  operator_role_arn      = module.operator.role_arn
  control_instance_types = var.control_instance_types
  database_secret_arn    = local.secret.two
  repositories           = local.repositories
  replicate_images_to    = [var.members.one.region]
  journal_bucket         = "${var.name}-journal-${local.account}-${var.members.two.region}"
  deletion_protection    = var.deletion_protection
}

module "operator" {
  source         = "../modules/operator"
  providers      = { aws = aws.one }
  name           = "${var.name}-hadr"
  principal_arns = length(var.operator_principal_arns) > 0 ? var.operator_principal_arns : var.admin_principal_arns
  record_name    = local.host
  things = {
    DATABASES = [aws_rds_global_cluster.this.arn, module.database_one.arn, module.database_two.arn]
    INSTANCES = concat(module.database_one.writable_arns, module.database_two.writable_arns)
    FILES     = [module.one.files.arn, module.two.files.arn]
    BALANCERS = [module.one.balancer.arn_pattern, module.two.balancer.arn_pattern]
    CLUSTERS  = [module.one.cluster.arn, module.two.cluster.arn]
    ZONE      = [aws_route53_zone.this.arn]
    RECORDS   = [aws_route53_zone.this.arn]
    BUCKETS   = [module.switch.arn]
    # Beside the switch lies the object with which hadr tries whether it could write it.
    OBJECTS = ["${module.switch.arn}/${local.declared}", "${module.switch.arn}/${local.declared}.trial"]
  }
}

module "alarms_one" {
  source       = "../modules/alarms"
  providers    = { aws = aws.one }
  name         = local.cluster.one
  key_arn      = module.one.key_arn
  balancer     = { arn_suffix = module.one.balancer.arn_suffix, target_group_arn_suffix = module.one.balancer.target_group_arn_suffix }
  database_lag = { cluster = local.cluster.one, milliseconds = var.objectives.recovery_point * 1000 }
  file_lag     = { source = module.one.files.id, destination = module.two.files.id, seconds = var.objectives.file_recovery_point }
}

module "alarms_two" {
  source       = "../modules/alarms"
  providers    = { aws = aws.two }
  name         = local.cluster.two
  key_arn      = module.two.key_arn
  balancer     = { arn_suffix = module.two.balancer.arn_suffix, target_group_arn_suffix = module.two.balancer.target_group_arn_suffix }
  database_lag = { cluster = local.cluster.two, milliseconds = var.objectives.recovery_point * 1000 }
  file_lag     = { source = module.two.files.id, destination = module.one.files.id, seconds = var.objectives.file_recovery_point }
}
