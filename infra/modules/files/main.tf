# A file system that every zone reaches by itself. Replication between Regions is not here: its direction turns round with the roles,
# so `hadr protect` owns it.

resource "aws_security_group" "this" {
  name        = "${var.name}-files"
  description = "EFS of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-files" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each                     = var.client_security_groups
  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = each.value
  description                  = "nodes and pods of ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}

resource "aws_efs_file_system" "this" {
  creation_token  = var.name
  encrypted       = true
  kms_key_id      = var.key_arn
  throughput_mode = "elastic"
  tags            = { Name = var.name }

  lifecycle_policy {
    transition_to_ia = "AFTER_30_DAYS"
  }
  lifecycle_policy {
    transition_to_primary_storage_class = "AFTER_1_ACCESS"
  }

  lifecycle {
    # Roles: overwrite protection is lifted on the file system that replication writes to.
    ignore_changes = [protection]
  }
}

resource "aws_efs_backup_policy" "this" {
  file_system_id = aws_efs_file_system.this.id

  backup_policy {
    status = "ENABLED"
  }
}

resource "aws_efs_mount_target" "this" {
  for_each        = var.subnets
  file_system_id  = aws_efs_file_system.this.id
  subnet_id       = each.value
  security_groups = [aws_security_group.this.id]
}

resource "aws_efs_access_point" "this" {
  file_system_id = aws_efs_file_system.this.id
  tags           = { Name = var.name }

  posix_user {
    uid = var.user_id
    gid = var.user_id
  }

  root_directory {
    path = "/peccy"
    creation_info {
      owner_uid   = var.user_id
      owner_gid   = var.user_id
      permissions = "0750"
    }
  }
}
