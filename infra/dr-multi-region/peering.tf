# The members' VPCs reach each other's databases: so the other Region's data can be read and compared, and after a failover whoever
# still runs in the old Region finds the writer.

resource "aws_vpc_peering_connection" "this" {
  provider    = aws.one
  vpc_id      = module.one.network.vpc_id
  peer_vpc_id = module.two.network.vpc_id
  peer_region = var.members.two.region
  auto_accept = false
  tags        = { Name = var.name }
}

resource "aws_vpc_peering_connection_accepter" "this" {
  provider                  = aws.two
  vpc_peering_connection_id = aws_vpc_peering_connection.this.id
  auto_accept               = true
  tags                      = { Name = var.name }
}

resource "aws_route" "one_to_two" {
  provider                  = aws.one
  for_each                  = module.one.network.private_route_tables
  route_table_id            = each.value
  destination_cidr_block    = var.members.two.cidr
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.this.id
}

resource "aws_route" "two_to_one" {
  provider                  = aws.two
  for_each                  = module.two.network.private_route_tables
  route_table_id            = each.value
  destination_cidr_block    = var.members.one.cidr
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.this.id
}

resource "aws_route" "data_one_to_two" {
  provider                  = aws.one
  route_table_id            = module.one.network.data_route_table
  destination_cidr_block    = var.members.two.cidr
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.this.id
}

resource "aws_route" "data_two_to_one" {
  provider                  = aws.two
  route_table_id            = module.two.network.data_route_table
  destination_cidr_block    = var.members.one.cidr
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.this.id
}
