# The Aurora global database. It begins with member one's cluster; from then on either may be the writer.
#
# RDS does not keep passwords of clusters in a global database, so there is a secret of our own, copied to both Regions. Its value goes
# from Secrets Manager to RDS through ephemeral and write-only arguments: it is in no plan, no state and no file.

locals {
  secret = {
    one = aws_secretsmanager_secret.database.arn
    two = replace(aws_secretsmanager_secret.database.arn, ":${var.members.one.region}:", ":${var.members.two.region}:")
  }
  password = one(ephemeral.aws_secretsmanager_random_password.database[*].random_password)
}

resource "aws_secretsmanager_secret" "database" {
  # checkov:skip=CKV2_AWS_57:rotation is a higher password_version: both Regions' pods have to follow in the same change
  provider                       = aws.one
  name                           = "${var.name}/database"
  description                    = "First user of the global database ${var.name}"
  kms_key_id                     = module.one.key_arn
  recovery_window_in_days        = var.deletion_protection ? 30 : 0
  force_overwrite_replica_secret = true

  replica {
    region     = var.members.two.region
    kms_key_id = module.two.key_arn
  }
}

ephemeral "aws_secretsmanager_random_password" "database" {
  count               = var.database.password_version > 0 ? 1 : 0
  provider            = aws.passwords
  password_length     = 32
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "database" {
  count                    = var.database.password_version > 0 ? 1 : 0
  provider                 = aws.one
  secret_id                = aws_secretsmanager_secret.database.id
  secret_string_wo         = jsonencode({ username = "peccy", password = local.password })
  secret_string_wo_version = var.database.password_version
}

resource "aws_rds_global_cluster" "this" {
  provider                  = aws.one
  global_cluster_identifier = var.name
  engine                    = "aurora-mysql"
  engine_version            = var.database.engine_version
  database_name             = "peccy"
  storage_encrypted         = true
  deletion_protection       = var.deletion_protection
}

module "database_one" {
  source                 = "../modules/database"
  providers              = { aws = aws.one }
  name                   = local.cluster.one
  vpc_id                 = module.one.network.vpc_id
  subnet_ids             = values(module.one.network.data_subnets)
  zones                  = module.one.network.zones
  client_security_groups = { (local.cluster.one) = module.one.cluster.security_group_id }
  client_cidrs           = { for zone, cidr in module.two.network.private_cidrs : "${local.cluster.two}-${zone}" => cidr }
  key_arn                = module.one.key_arn
  engine_version         = var.database.engine_version
  instance_class         = var.database.instance_class
  instances              = var.database.instances
  database_name          = "peccy"
  global_cluster         = aws_rds_global_cluster.this.id
  origin                 = true
  password               = local.password
  password_version       = var.database.password_version > 0 ? var.database.password_version : null
  backup_retention_days  = var.database.backup_retention_days
  deletion_protection    = var.deletion_protection
}

module "database_two" {
  source                 = "../modules/database"
  providers              = { aws = aws.two }
  name                   = local.cluster.two
  vpc_id                 = module.two.network.vpc_id
  subnet_ids             = values(module.two.network.data_subnets)
  zones                  = module.two.network.zones
  client_security_groups = { (local.cluster.two) = module.two.cluster.security_group_id }
  client_cidrs           = { for zone, cidr in module.one.network.private_cidrs : "${local.cluster.one}-${zone}" => cidr }
  key_arn                = module.two.key_arn
  engine_version         = var.database.engine_version
  instance_class         = var.database.instance_class
  instances              = var.database.instances
  database_name          = "peccy"
  global_cluster         = local.joinable
  backup_retention_days  = var.database.backup_retention_days
  deletion_protection    = var.deletion_protection
}

locals {
  # A cluster can join only once the first one has an instance that lives.
  joinable = length(module.database_one.instance_ids) > 0 ? aws_rds_global_cluster.this.id : ""
}
