mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                = "peccy-one"
  vpc_id              = "vpc-00000000000000000"
  vpc_cidr            = "10.1.0.0/16"
  subnet_ids          = ["subnet-a", "subnet-b", "subnet-c"]
  deletion_protection = true
}

run "http" {
  command = plan

  assert {
    condition     = aws_lb.this.enable_zonal_shift && aws_lb.this.enable_deletion_protection && length(aws_lb.this.subnets) == 3
    error_message = "every zone, zonal shift and protection on"
  }
  assert {
    condition     = one(aws_lb_target_group.this.health_check[*].path) == "/readyz/local" && aws_lb_target_group.this.target_type == "ip"
    error_message = "pods are asked for readiness, by their own address"
  }
  assert {
    condition     = tonumber(aws_lb_target_group.this.deregistration_delay) >= 60
    error_message = "a pod that goes may keep a request waiting for the database as long as the balancer waits"
  }
  assert {
    condition     = one(aws_lb_listener.http.default_action[*].type) == "forward" && output.endpoint == { scheme = "http", port = 80 }
    error_message = "without a certificate port 80 serves"
  }
  assert {
    condition     = aws_vpc_security_group_egress_rule.pods.cidr_ipv4 == "10.1.0.0/16" && aws_vpc_security_group_egress_rule.pods.to_port == 8080
    error_message = "the balancer reaches web pods and nothing else"
  }
}

run "https_in_one_zone" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/mock"
    cross_zone      = false
  }

  assert {
    condition     = one(aws_lb_listener.http.default_action[*].type) == "redirect" && length(aws_lb_listener.https) == 1 && output.endpoint == { scheme = "https", port = 443 }
    error_message = "with a certificate port 80 redirects"
  }
  assert {
    condition     = aws_lb_target_group.this.load_balancing_cross_zone_enabled == "false"
    error_message = "requests stay in their zone"
  }
}
