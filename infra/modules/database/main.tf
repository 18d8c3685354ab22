# One Aurora MySQL cluster over three zones. In a global database it is one of several, and which of them is the writer is state:
# nothing here says so, and nothing that a failover changes is compared with this code.

locals {
  origin    = var.global_cluster == null || var.origin
  by_rds    = var.global_cluster == null
  protected = var.deletion_protection
}

resource "aws_security_group" "this" {
  name        = "${var.name}-database"
  description = "Aurora of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-database" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each                     = var.client_security_groups
  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = each.value
  description                  = "nodes and pods of ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 3306
  to_port                      = 3306
}

resource "aws_vpc_security_group_ingress_rule" "ranges" {
  for_each          = var.client_cidrs
  security_group_id = aws_security_group.this.id
  cidr_ipv4         = each.value
  description       = "nodes and pods of ${each.key}"
  ip_protocol       = "tcp"
  from_port         = 3306
  to_port           = 3306
}

resource "aws_db_subnet_group" "this" {
  name        = var.name
  description = "data subnets of ${var.name}"
  subnet_ids  = var.subnet_ids
}

resource "aws_rds_cluster_parameter_group" "this" {
  name        = var.name
  description = "Aurora of ${var.name}"
  family      = "aurora-mysql8.0"

  parameter {
    name  = "time_zone"
    value = "UTC"
  }
}

resource "aws_rds_cluster" "this" {
  # checkov:skip=CKV_AWS_326:Aurora does not allow backtracking in a global database, and the architectures share this module
  # checkov:skip=CKV2_AWS_8:backups are Aurora's own, with point-in-time recovery for backup_retention_days

  cluster_identifier        = var.name
  engine                    = "aurora-mysql"
  engine_version            = var.engine_version
  global_cluster_identifier = var.global_cluster

  # Only the cluster that a database begins with has these; the others receive them with the data.
  database_name                 = local.origin ? var.database_name : null
  master_username               = local.origin ? var.master_username : null
  manage_master_user_password   = local.by_rds ? true : null
  master_user_secret_kms_key_id = local.by_rds ? var.key_arn : null
  master_password_wo            = local.by_rds || !local.origin ? null : var.password
  master_password_wo_version    = local.by_rds || !local.origin ? null : var.password_version

  db_subnet_group_name                = aws_db_subnet_group.this.name
  db_cluster_parameter_group_name     = aws_rds_cluster_parameter_group.this.name
  vpc_security_group_ids              = [aws_security_group.this.id]
  storage_encrypted                   = true
  kms_key_id                          = var.key_arn
  iam_database_authentication_enabled = true
  enabled_cloudwatch_logs_exports     = ["audit", "error"]
  backup_retention_period             = var.backup_retention_days
  preferred_backup_window             = "03:00-04:00"
  preferred_maintenance_window        = "sun:04:30-sun:05:30"
  copy_tags_to_snapshot               = true
  deletion_protection                 = local.protected
  skip_final_snapshot                 = !local.protected
  final_snapshot_identifier           = local.protected ? "${var.name}-final" : null

  lifecycle {
    # Roles: Aurora changes these when the writer moves or a cluster leaves the global database.
    ignore_changes = [global_cluster_identifier, replication_source_identifier, database_name, master_username]
  }
}

data "aws_iam_policy_document" "monitoring_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["monitoring.rds.amazonaws.com"]
    }
  }
}

data "aws_partition" "this" {}

resource "aws_iam_role" "monitoring" {
  name               = "${var.name}-database-monitoring"
  assume_role_policy = data.aws_iam_policy_document.monitoring_trust.json
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${data.aws_partition.this.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

# Each in the next of the zones, so that who reads can have an instance in its own; the lowest tier that lives is promoted when the
# writer is lost. Which of them is the writer is a role, and nothing here says so.
resource "aws_rds_cluster_instance" "this" {
  # checkov:skip=CKV_AWS_226:members of a global database change versions in an order that a person chooses, readers first
  count                           = var.instances
  identifier                      = "${var.name}-${count.index}"
  cluster_identifier              = aws_rds_cluster.this.id
  engine                          = aws_rds_cluster.this.engine
  engine_version                  = aws_rds_cluster.this.engine_version
  instance_class                  = var.instance_class
  availability_zone               = var.zones[count.index % length(var.zones)]
  db_subnet_group_name            = aws_db_subnet_group.this.name
  publicly_accessible             = false
  auto_minor_version_upgrade      = false
  promotion_tier                  = count.index
  copy_tags_to_snapshot           = true
  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.key_arn
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring.arn
}
