# The way in of one member. Pods join the target group through a TargetGroupBinding, so the way in does not need the cluster to be up.

locals {
  https = var.certificate_arn != null
  ports = local.https ? { http = 80, https = 443 } : { http = 80 }
}

resource "aws_security_group" "this" {
  name        = "${var.name}-balancer"
  description = "load balancer of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-balancer" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  # checkov:skip=CKV_AWS_260:a public service; with a certificate port 80 only redirects
  for_each          = local.ports
  security_group_id = aws_security_group.this.id
  cidr_ipv4         = "0.0.0.0/0"
  description       = "clients, ${each.key}"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

resource "aws_vpc_security_group_egress_rule" "pods" {
  security_group_id = aws_security_group.this.id
  cidr_ipv4         = var.vpc_cidr
  description       = "web pods"
  ip_protocol       = "tcp"
  from_port         = var.target_port
  to_port           = var.target_port
}

resource "aws_lb" "this" {
  # checkov:skip=CKV_AWS_91:access logs cost more than they tell here; flow logs say who came, the service says what it answered
  # checkov:skip=CKV2_AWS_28:a web ACL is the policy of whoever runs this; attach one by its ARN
  # checkov:skip=CKV2_AWS_20:port 80 redirects as soon as there is a certificate
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = false
  subnets                    = var.subnet_ids
  security_groups            = [aws_security_group.this.id]
  drop_invalid_header_fields = true
  enable_zonal_shift         = true
  enable_deletion_protection = var.deletion_protection
}

resource "aws_lb_target_group" "this" {
  # checkov:skip=CKV_AWS_378:between balancer and pod the traffic stays inside the VPC; the pods do not terminate TLS
  name                              = var.name
  vpc_id                            = var.vpc_id
  protocol                          = "HTTP"
  port                              = var.target_port
  target_type                       = "ip"
  deregistration_delay              = 60 # a request may wait for the database so long (deploy/member's DATABASE_PATIENCE), and would be cut
  load_balancing_cross_zone_enabled = var.cross_zone ? "use_load_balancer_configuration" : "false"

  health_check {
    path                = "/readyz/local" # a choice between pods; DNS chooses between members by /readyz
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "http" {
  # checkov:skip=CKV_AWS_2:without a certificate there is nothing to redirect to
  # checkov:skip=CKV_AWS_103:as above
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = local.https ? "redirect" : "forward"
    target_group_arn = local.https ? null : aws_lb_target_group.this.arn

    dynamic "redirect" {
      for_each = local.https ? [true] : []
      content {
        port        = "443"
        protocol    = "HTTPS"
        status_code = "HTTP_301"
      }
    }
  }
}

resource "aws_lb_listener" "https" {
  count             = local.https ? 1 : 0
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}
