output "site" {
  description = "What hadr has to know: the content of site.yaml."
  value = {
    site = var.name
    members = [{
      name         = "one"
      region       = var.region
      cluster      = module.one.cluster.name
      capacity     = { namespace = "kube-system", deployment = "karpenter", replicas = 2 }
      workload     = { namespace = "peccy", deployments = { peccy-app = 6, peccy-web = 3 }, nodes = "type=service" }
      database     = module.database.identifier
      files        = module.one.files.id
      target_group = module.one.balancer.target_group_arn
      balancer     = module.one.balancer.dns_name
      zones        = module.one.network.zone_ids
    }]
    traffic    = { host = local.host, hosted_zone = aws_route53_zone.this.zone_id }
    objectives = { recovery_time = "PT${var.objectives.recovery_time}S" }
    probe      = module.one.balancer.endpoint
  }
}

output "members" {
  description = "What deploy/member has to know of the member; the tag of the images is the release's."
  value = { one = {
    CLUSTER_NAME          = module.one.cluster.name
    AWS_REGION            = var.region
    VPC_ID                = module.one.network.vpc_id
    TARGET_GROUP_ARN      = module.one.balancer.target_group_arn
    FILE_SYSTEM_ID        = module.one.files.id
    FILE_ACCESS_POINT_ID  = module.one.files.access_point_id
    DATABASE_HOST         = module.database.host
    DATABASE_NAME         = "peccy"
    DATABASE_SECRET_ARN   = module.database.secret_arn
    IMAGE_REGISTRY        = module.one.registry
    NODE_INSTANCE_PROFILE = module.one.cluster.node_instance_profile
    KARPENTER_QUEUE       = module.one.cluster.queue_name
  } }
}

output "traffic" {
  description = "How clients reach the service."
  value = {
    host        = local.host
    hosted_zone = aws_route53_zone.this.zone_id
    endpoint    = module.one.balancer.endpoint
    balancers   = { one = module.one.balancer.dns_name }
  }
}

output "operator_role" {
  description = "The role to run hadr with."
  value       = module.operator.role_arn
}

output "journal_bucket" {
  description = "Where records of runs are kept."
  value       = module.one.journal.name
}

output "alarm_topic" {
  description = "Topic to subscribe to."
  value       = module.alarms.topic_arn
}

output "name_servers" {
  description = "Name servers that the parent zone has to delegate to."
  value       = aws_route53_zone.this.name_servers
}
