# One member with a Region (or a VPC) of its own: everything that needs nothing of another member but its answers to who it is.
# Databases are not here: a global one spans members, and a database by itself is the root's to choose.

module "key" {
  source              = "../key"
  name                = var.name
  deletion_protection = var.deletion_protection
}

module "network" {
  source  = "../network"
  name    = var.name
  cidr    = var.cidr
  zones   = var.zones
  key_arn = module.key.arn
}

module "balancer" {
  source              = "../balancer"
  name                = var.name
  vpc_id              = module.network.vpc_id
  vpc_cidr            = var.cidr
  subnet_ids          = values(module.network.public_subnets)
  certificate_arn     = var.certificate_arn
  deletion_protection = var.deletion_protection
}

module "cluster" {
  source                 = "../cluster"
  name                   = var.name
  kubernetes_version     = var.kubernetes_version
  subnet_ids             = values(module.network.private_subnets)
  key_arn                = module.key.arn
  api_access_cidrs       = var.api_access_cidrs
  admin_principal_arns   = var.admin_principal_arns
  operator_role_arn      = var.operator_role_arn
  control_instance_types = var.control_instance_types
  addon_versions         = var.addon_versions
  database_secret_arn    = var.database_secret_arn
  balancer = {
    security_group_id = module.balancer.security_group_id
    target_group_arn  = module.balancer.target_group_arn
    target_port       = module.balancer.target_port
  }
}

module "files" {
  source                 = "../files"
  name                   = var.name
  vpc_id                 = module.network.vpc_id
  subnets                = module.network.data_subnets
  client_security_groups = { (var.name) = module.cluster.security_group_id }
  key_arn                = module.key.arn
}

module "images" {
  source              = "../images"
  repositories        = var.repositories
  replicate_to        = var.replicate_images_to
  key_arn             = module.key.arn
  deletion_protection = var.deletion_protection
}

module "journal" {
  source              = "../bucket"
  name                = var.journal_bucket
  key_arn             = module.key.arn
  deletion_protection = var.deletion_protection
}
