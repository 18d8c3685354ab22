# DNS, and the switch. Member one's record is healthy while its endpoint is ready AND nobody has declared two active. The declaration
# is an object in two's own Region: a failover needs neither us-east-1 nor the Route 53 control plane, and a Region that comes back
# gets no traffic by itself (docs/adr/0002).

locals {
  host     = "${var.name}.${var.hosted_zone}"
  declared = "active/two"
  endpoint = module.one.balancer.endpoint
}

resource "aws_route53_zone" "this" {
  # checkov:skip=CKV2_AWS_38:signing is decided with the parent zone's owner; it needs a key in us-east-1
  # checkov:skip=CKV2_AWS_39:query logs are only possible in us-east-1 and tell nothing that the drill does not
  provider      = aws.one
  name          = var.hosted_zone
  force_destroy = !var.deletion_protection
}

module "switch" {
  source              = "../modules/bucket"
  providers           = { aws = aws.two }
  name                = "${var.name}-switch-${local.account}-${var.members.two.region}"
  public_key          = local.declared
  deletion_protection = var.deletion_protection
}

# Asked every 10 s from several Regions; three answers in a row decide.
resource "aws_route53_health_check" "ready" {
  provider          = aws.one
  for_each          = { one = module.one.balancer.dns_name, two = module.two.balancer.dns_name }
  type              = upper(local.endpoint.scheme)
  fqdn              = each.value
  port              = local.endpoint.port
  resource_path     = "/readyz"
  request_interval  = 10
  failure_threshold = 3
  tags              = { Name = "${local.cluster[each.key]}-ready" }
}

resource "aws_route53_health_check" "declared_away" {
  provider           = aws.one
  type               = "HTTP"
  fqdn               = module.switch.host
  port               = 80
  resource_path      = "/${local.declared}"
  request_interval   = 10
  failure_threshold  = 1
  invert_healthcheck = true
  tags               = { Name = "${local.cluster.one}-not-declared-away" }
}

resource "aws_route53_health_check" "serves" {
  provider               = aws.one
  type                   = "CALCULATED"
  child_healthchecks     = [aws_route53_health_check.ready["one"].id, aws_route53_health_check.declared_away.id]
  child_health_threshold = 2
  tags                   = { Name = "${local.cluster.one}-serves" }
}

locals {
  records = {
    one = { balancer = module.one.balancer, check = aws_route53_health_check.serves.id }
    two = { balancer = module.two.balancer, check = aws_route53_health_check.ready["two"].id }
  }
}

resource "aws_route53_record" "this" {
  provider        = aws.one
  for_each        = var.members
  zone_id         = aws_route53_zone.this.zone_id
  name            = local.host
  type            = "A"
  set_identifier  = each.key
  health_check_id = local.records[each.key].check

  weighted_routing_policy {
    weight = var.weights[each.key]
  }

  alias {
    name                   = local.records[each.key].balancer.dns_name
    zone_id                = local.records[each.key].balancer.zone_id
    evaluate_target_health = true
  }

  lifecycle {
    # Roles: hadr owns the weights.
    ignore_changes = [weighted_routing_policy]
  }
}
