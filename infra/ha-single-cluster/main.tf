# ha-single-cluster: one cluster over three zones. A lost zone leaves two that serve; Aurora promotes a reader in another zone, EFS and
# the load balancer are in every zone anyway.

locals {
  tags    = merge({ Site = var.name, Architecture = "ha-single-cluster", ManagedBy = "terraform" }, var.tags)
  cluster = "${var.name}-one"
  account = data.aws_caller_identity.this.account_id
  host    = "${var.name}.${var.hosted_zone}"
}

data "aws_caller_identity" "this" {}

module "one" {
  source                 = "../modules/member"
  name                   = local.cluster
  cidr                   = var.cidr
  zones                  = var.zones
  certificate_arn        = var.certificate_arn
  kubernetes_version     = var.kubernetes_version
  addon_versions         = var.addon_versions
  api_access_cidrs       = var.api_access_cidrs
  admin_principal_arns   = var.admin_principal_arns
  operator_role_arn      = module.operator.role_arn
  control_instance_types = var.control_instance_types
  database_secret_arn    = module.database.secret_arn
  repositories           = ["${var.name}-app", "${var.name}-web"]
  journal_bucket         = "${var.name}-journal-${local.account}-${var.region}"
  deletion_protection    = var.deletion_protection
}

module "database" {
  source                 = "../modules/database"
  name                   = local.cluster
  vpc_id                 = module.one.network.vpc_id
  subnet_ids             = values(module.one.network.data_subnets)
  zones                  = module.one.network.zones
  client_security_groups = { (local.cluster) = module.one.cluster.security_group_id }
  key_arn                = module.one.key_arn
  engine_version         = var.database.engine_version
  instance_class         = var.database.instance_class
  instances              = var.database.instances
  database_name          = "peccy"
  backup_retention_days  = var.database.backup_retention_days
  deletion_protection    = var.deletion_protection
}

module "operator" {
  source         = "../modules/operator"
  name           = "${var.name}-hadr"
  principal_arns = length(var.operator_principal_arns) > 0 ? var.operator_principal_arns : var.admin_principal_arns
  record_name    = local.host
  things = {
    CLUSTERS  = [module.one.cluster.arn]
    INSTANCES = module.database.writable_arns
    BALANCERS = [module.one.balancer.arn_pattern]
    ZONE      = [aws_route53_zone.this.arn]
    RECORDS   = [aws_route53_zone.this.arn]
  }
}

module "alarms" {
  source   = "../modules/alarms"
  name     = local.cluster
  key_arn  = module.one.key_arn
  balancer = { arn_suffix = module.one.balancer.arn_suffix, target_group_arn_suffix = module.one.balancer.target_group_arn_suffix }
}

resource "aws_route53_zone" "this" {
  # checkov:skip=CKV2_AWS_38:signing is decided with the parent zone's owner; it needs a key in us-east-1
  # checkov:skip=CKV2_AWS_39:query logs are only possible in us-east-1 and tell nothing that the drill does not
  name          = var.hosted_zone
  force_destroy = !var.deletion_protection
}

resource "aws_route53_record" "this" {
  zone_id = aws_route53_zone.this.zone_id
  name    = local.host
  type    = "A"

  alias {
    name                   = module.one.balancer.dns_name
    zone_id                = module.one.balancer.zone_id
    evaluate_target_health = true
  }
}
