# ha-multi-cluster: two clusters in one VPC, the workload of each in one zone, on one Aurora database and one file system. In normal
# running a request stays in its zone; when a zone is lost, Route 53's health check takes that member out.

locals {
  tags    = merge({ Site = var.name, Architecture = "ha-multi-cluster", ManagedBy = "terraform" }, var.tags)
  cluster = { for name in keys(var.members) : name => "${var.name}-${name}" }
  account = data.aws_caller_identity.this.account_id
  # Distinct, although nothing routes them: an address in a log or a trace then names its cluster.
  services = { one = "172.20.0.0/16", two = "172.21.0.0/16" }
}

data "aws_caller_identity" "this" {}

module "key" {
  source              = "../modules/key"
  name                = var.name
  deletion_protection = var.deletion_protection
}

module "network" {
  source    = "../modules/network"
  name      = var.name
  cidr      = var.cidr
  zones     = var.zones
  discovery = { for name, member in var.members : member.zone => local.cluster[name] }
  key_arn   = module.key.arn
}

# Without cross-zone sending, only the node in the member's own zone has targets, and ELB gives out no other address.
module "balancer" {
  source              = "../modules/balancer"
  for_each            = var.members
  name                = local.cluster[each.key]
  vpc_id              = module.network.vpc_id
  vpc_cidr            = var.cidr
  subnet_ids          = values(module.network.public_subnets)
  cross_zone          = false
  certificate_arn     = var.certificate_arn
  deletion_protection = var.deletion_protection
}

# Control nodes are in every zone, so that a cluster outlives its workload's zone.
module "cluster" {
  source                 = "../modules/cluster"
  for_each               = var.members
  name                   = local.cluster[each.key]
  kubernetes_version     = var.kubernetes_version
  subnet_ids             = values(module.network.private_subnets)
  service_cidr           = local.services[each.key]
  key_arn                = module.key.arn
  api_access_cidrs       = var.api_access_cidrs
  admin_principal_arns   = var.admin_principal_arns
  operator_role_arn      = module.operator.role_arn
  control_instance_types = var.control_instance_types
  addon_versions         = var.addon_versions
  database_secret_arn    = module.database.secret_arn
  balancer = {
    security_group_id = module.balancer[each.key].security_group_id
    target_group_arn  = module.balancer[each.key].target_group_arn
    target_port       = module.balancer[each.key].target_port
  }
}

locals {
  # The members' own zones first: each member's pods read from the instance beside them, and a lost zone leaves one in the other.
  data_zones = distinct(concat([for name in ["one", "two"] : var.members[name].zone], module.network.zones))
  clients    = { for name in keys(var.members) : local.cluster[name] => module.cluster[name].security_group_id }
}

module "database" {
  source                 = "../modules/database"
  name                   = var.name
  vpc_id                 = module.network.vpc_id
  subnet_ids             = values(module.network.data_subnets)
  zones                  = local.data_zones
  client_security_groups = local.clients
  key_arn                = module.key.arn
  engine_version         = var.database.engine_version
  instance_class         = var.database.instance_class
  instances              = var.database.instances
  database_name          = "peccy"
  backup_retention_days  = var.database.backup_retention_days
  deletion_protection    = var.deletion_protection
}

module "files" {
  source                 = "../modules/files"
  name                   = var.name
  vpc_id                 = module.network.vpc_id
  subnets                = module.network.data_subnets
  client_security_groups = local.clients
  key_arn                = module.key.arn
}

module "images" {
  source              = "../modules/images"
  repositories        = ["${var.name}-app", "${var.name}-web"]
  key_arn             = module.key.arn
  deletion_protection = var.deletion_protection
}

module "journal" {
  source              = "../modules/bucket"
  name                = "${var.name}-journal-${local.account}-${var.region}"
  key_arn             = module.key.arn
  deletion_protection = var.deletion_protection
}

module "operator" {
  source         = "../modules/operator"
  name           = "${var.name}-hadr"
  principal_arns = length(var.operator_principal_arns) > 0 ? var.operator_principal_arns : var.admin_principal_arns
  record_name    = local.host
  things = {
    CLUSTERS  = [for cluster in module.cluster : cluster.arn]
    INSTANCES = module.database.writable_arns
    BALANCERS = [for balancer in module.balancer : balancer.arn_pattern]
    ZONE      = [aws_route53_zone.this.arn]
    RECORDS   = [aws_route53_zone.this.arn]
  }
}

module "alarms" {
  source   = "../modules/alarms"
  for_each = var.members
  name     = local.cluster[each.key]
  key_arn  = module.key.arn
  balancer = {
    arn_suffix              = module.balancer[each.key].arn_suffix
    target_group_arn_suffix = module.balancer[each.key].target_group_arn_suffix
  }
}
