# A VPC over three zones. Its range is cut into sixteen parts: 0-2 private (nodes and pods), 3-5 public (load balancers, NAT),
# and of the seventh sixteen more: 0-2 for data (databases and file systems), which has no way out at all.

data "aws_availability_zones" "this" {
  # checkov:skip=CKV_AWS_394:subnets follow the first three names or var.zones; a zone that AWS adds is not among them
  state = "available"
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_region" "this" {}

locals {
  zones     = var.zones != null ? var.zones : slice(data.aws_availability_zones.this.names, 0, 3)
  discovery = var.discovery != null ? var.discovery : { for zone in local.zones : zone => var.name }
  private   = { for i, zone in local.zones : zone => cidrsubnet(var.cidr, 4, i) }
  public    = { for i, zone in local.zones : zone => cidrsubnet(var.cidr, 4, 3 + i) }
  data      = { for i, zone in local.zones : zone => cidrsubnet(var.cidr, 8, 96 + i) }
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = { Name = var.name }

  lifecycle {
    precondition {
      condition     = length(setsubtract(local.zones, data.aws_availability_zones.this.names)) == 0
      error_message = "Not a zone of ${data.aws_region.this.name} for this account: ${join(", ", setsubtract(local.zones, data.aws_availability_zones.this.names))}. It has ${join(", ", data.aws_availability_zones.this.names)}."
    }
    precondition {
      condition     = length(setsubtract(keys(local.discovery), local.zones)) == 0
      error_message = "A cluster lives in a zone that the VPC does not have: ${join(", ", setsubtract(keys(local.discovery), local.zones))}."
    }
  }
}

# Adopted to be emptied: nothing may use the default group.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-default" }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_subnet" "private" {
  for_each          = local.private
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags = merge(
    { Name = "${var.name}-private-${each.key}", "kubernetes.io/role/internal-elb" = "1" },
    contains(keys(local.discovery), each.key) ? { "karpenter.sh/discovery" = local.discovery[each.key] } : {},
  )
}

resource "aws_subnet" "public" {
  for_each          = local.public
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = { Name = "${var.name}-public-${each.key}", "kubernetes.io/role/elb" = "1" }
}

resource "aws_subnet" "data" {
  for_each          = local.data
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = { Name = "${var.name}-data-${each.key}" }
}

# One NAT gateway in each zone: a zone must not need another one to reach AWS.
resource "aws_eip" "nat" {
  for_each = local.public
  domain   = "vpc"
  tags     = { Name = "${var.name}-nat-${each.key}" }
}

resource "aws_nat_gateway" "this" {
  for_each      = local.public
  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id
  tags          = { Name = "${var.name}-${each.key}" }
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  for_each       = local.public
  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table" "private" {
  for_each = local.private
  vpc_id   = aws_vpc.this.id
  tags     = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route" "nat" {
  for_each               = local.private
  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[each.key].id
}

resource "aws_route_table_association" "private" {
  for_each       = local.private
  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[each.key].id
}

resource "aws_route_table" "data" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-data" }
}

resource "aws_route_table_association" "data" {
  for_each       = local.data
  subnet_id      = aws_subnet.data[each.key].id
  route_table_id = aws_route_table.data.id
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${data.aws_region.this.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]
  tags              = { Name = "${var.name}-s3" }
}
