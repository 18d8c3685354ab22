output "site" {
  description = "What hadr has to know: the content of site.yaml."
  value = {
    site = var.name
    members = [for name in ["one", "two"] : {
      name         = name
      region       = var.region
      cluster      = module.cluster[name].name
      capacity     = { namespace = "kube-system", deployment = "karpenter", replicas = 2 }
      workload     = { namespace = "peccy", deployments = { peccy-app = 6, peccy-web = 3 }, nodes = "type=service", zone = var.members[name].zone }
      database     = module.database.identifier
      files        = module.files.id
      target_group = module.balancer[name].target_group_arn
      balancer     = module.balancer[name].dns_name
      record       = name
      zones        = module.network.zone_ids
    }]
    traffic    = { host = local.host, hosted_zone = aws_route53_zone.this.zone_id }
    objectives = { recovery_time = "PT${var.objectives.recovery_time}S" }
    probe      = local.endpoint
  }
}

output "members" {
  description = "What deploy/member has to know of each member; the tag of the images is the release's."
  value = { for name in keys(var.members) : name => {
    CLUSTER_NAME          = module.cluster[name].name
    AWS_REGION            = var.region
    VPC_ID                = module.network.vpc_id
    TARGET_GROUP_ARN      = module.balancer[name].target_group_arn
    FILE_SYSTEM_ID        = module.files.id
    FILE_ACCESS_POINT_ID  = module.files.access_point_id
    DATABASE_HOST         = module.database.host
    DATABASE_READ_HOST    = lookup(module.database.hosts_by_zone, var.members[name].zone, module.database.host)
    DATABASE_NAME         = "peccy"
    DATABASE_SECRET_ARN   = module.database.secret_arn
    IMAGE_REGISTRY        = module.images.registry
    NODE_INSTANCE_PROFILE = module.cluster[name].node_instance_profile
    KARPENTER_QUEUE       = module.cluster[name].queue_name
  } }
}

output "traffic" {
  description = "How clients reach the service; hadr owns the weights of the records, which are called as the members."
  value = {
    host        = local.host
    hosted_zone = aws_route53_zone.this.zone_id
    endpoint    = local.endpoint
    balancers   = { for name, balancer in module.balancer : name => balancer.dns_name }
  }
}

output "operator_role" {
  description = "The role to run hadr with."
  value       = module.operator.role_arn
}

output "journal_bucket" {
  description = "Where records of runs are kept."
  value       = module.journal.name
}

output "alarm_topics" {
  description = "Topics to subscribe to."
  value       = { for name, alarms in module.alarms : name => alarms.topic_arn }
}

output "name_servers" {
  description = "Name servers that the parent zone has to delegate to."
  value       = aws_route53_zone.this.name_servers
}
