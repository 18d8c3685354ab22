output "site" {
  description = "What hadr has to know: the content of site.yaml."
  value = {
    site = var.name
    members = [for name in ["one", "two"] : merge(
      {
        name         = name
        region       = var.members[name].region
        cluster      = local.made[name].cluster.name
        capacity     = { namespace = "kube-system", deployment = "karpenter", replicas = 2 }
        workload     = { namespace = "peccy", deployments = { peccy-app = 6, peccy-web = 3 }, nodes = "type=service" }
        database     = local.databases[name].identifier
        files        = local.made[name].files.id
        target_group = local.made[name].balancer.target_group_arn
        balancer     = local.made[name].balancer.dns_name
        record       = name
        zones        = local.made[name].network.zone_ids
      },
      name == "two" ? { switch = { bucket = module.switch.name, region = var.members.two.region, key = local.declared } } : {},
    )]
    database = { global_cluster = aws_rds_global_cluster.this.id }
    traffic  = { host = local.host, hosted_zone = aws_route53_zone.this.zone_id }
    objectives = {
      recovery_time       = "PT${var.objectives.recovery_time}S"
      recovery_point      = "PT${var.objectives.recovery_point}S"
      file_recovery_point = "PT${var.objectives.file_recovery_point}S"
    }
    probe = local.endpoint
  }
}

output "members" {
  description = "What deploy/member has to know of each member; the tag of the images is the release's."
  value = { for name in keys(var.members) : name => {
    CLUSTER_NAME          = local.made[name].cluster.name
    AWS_REGION            = var.members[name].region
    VPC_ID                = local.made[name].network.vpc_id
    TARGET_GROUP_ARN      = local.made[name].balancer.target_group_arn
    FILE_SYSTEM_ID        = local.made[name].files.id
    FILE_ACCESS_POINT_ID  = local.made[name].files.access_point_id
    DATABASE_HOST         = local.databases[name].host
    DATABASE_NAME         = "peccy"
    DATABASE_SECRET_ARN   = local.secret[name]
    IMAGE_REGISTRY        = local.made[name].registry
    NODE_INSTANCE_PROFILE = local.made[name].cluster.node_instance_profile
    KARPENTER_QUEUE       = local.made[name].cluster.queue_name
  } }
}

output "operator_role" {
  description = "The role to run hadr with."
  value       = module.operator.role_arn
}

output "journal_buckets" {
  description = "Where records of runs are kept, in each member's Region."
  value       = { one = module.one.journal.name, two = module.two.journal.name }
}

output "alarm_topics" {
  description = "Topics to subscribe to."
  value       = { one = module.alarms_one.topic_arn, two = module.alarms_two.topic_arn }
}

output "name_servers" {
  description = "Name servers that the parent zone has to delegate to."
  value       = aws_route53_zone.this.name_servers
}

locals {
  made      = { one = module.one, two = module.two }
  databases = { one = module.database_one, two = module.database_two }
}
