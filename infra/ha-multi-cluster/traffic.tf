# DNS divides clients between the members; a member whose endpoint is not ready is left out.

locals {
  host     = "${var.name}.${var.hosted_zone}"
  endpoint = module.balancer["one"].endpoint
}

resource "aws_route53_zone" "this" {
  # checkov:skip=CKV2_AWS_38:signing is decided with the parent zone's owner; it needs a key in us-east-1
  # checkov:skip=CKV2_AWS_39:query logs are only possible in us-east-1 and tell nothing that the drill does not
  name          = var.hosted_zone
  force_destroy = !var.deletion_protection
}

resource "aws_route53_health_check" "ready" {
  for_each          = var.members
  type              = upper(local.endpoint.scheme)
  fqdn              = module.balancer[each.key].dns_name
  port              = local.endpoint.port
  resource_path     = "/readyz/reads" # by what is the member's own: both share the writer, and without it neither is better
  request_interval  = 10
  failure_threshold = 3
  tags              = { Name = "${local.cluster[each.key]}-ready" }
}

resource "aws_route53_record" "this" {
  for_each        = var.members
  zone_id         = aws_route53_zone.this.zone_id
  name            = local.host
  type            = "A"
  set_identifier  = each.key
  health_check_id = aws_route53_health_check.ready[each.key].id

  weighted_routing_policy {
    weight = var.weights[each.key]
  }

  alias {
    name                   = module.balancer[each.key].dns_name
    zone_id                = module.balancer[each.key].zone_id
    evaluate_target_health = true
  }

  lifecycle {
    # State: hadr owns the weights.
    ignore_changes = [weighted_routing_policy]
  }
}
