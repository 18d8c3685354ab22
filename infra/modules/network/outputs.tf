output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "Range of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "zones" {
  description = "Names of the zones."
  value       = local.zones
}

output "zone_ids" {
  description = "Zone name to zone id; a name means another zone in another account, an id does not."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.availability_zone_id }
}

output "private_subnets" {
  description = "Zone name to the subnet of nodes and pods."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "public_subnets" {
  description = "Zone name to the subnet of load balancers."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }
}

output "data_subnets" {
  description = "Zone name to the subnet of databases and file systems."
  value       = { for zone, subnet in aws_subnet.data : zone => subnet.id }
}

output "private_cidrs" {
  description = "Zone name to the range of nodes and pods."
  value       = local.private
}

output "private_route_tables" {
  description = "Zone name to the route table of nodes and pods."
  value       = { for zone, table in aws_route_table.private : zone => table.id }
}

output "data_route_table" {
  description = "Route table of databases and file systems."
  value       = aws_route_table.data.id
}
