# Stand-ins for what only AWS can say, for `terraform test` with mock_provider: the provider checks the form of ids even then.

mock_data "aws_caller_identity" {
  defaults = { account_id = "000000000000" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws" }
}

mock_data "aws_iam_policy_document" {
  defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
}

mock_data "aws_eks_addon_version" {
  defaults = { version = "v1.0.0-eksbuild.1" }
}

mock_resource "aws_kms_key" {
  defaults = { arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000" }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::000000000000:role/mock" }
}

mock_resource "aws_iam_instance_profile" {
  defaults = { arn = "arn:aws:iam::000000000000:instance-profile/mock" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:us-east-1:000000000000:log-group:mock" }
}

mock_resource "aws_eks_cluster" {
  defaults = {
    arn        = "arn:aws:eks:us-east-1:000000000000:cluster/mock"
    vpc_config = { cluster_security_group_id = "sg-0000000000000000c" }
  }
}

mock_resource "aws_launch_template" {
  defaults = { id = "lt-00000000000000000", latest_version = 1 }
}

mock_resource "aws_sqs_queue" {
  defaults = { arn = "arn:aws:sqs:us-east-1:000000000000:mock" }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:us-east-1:000000000000:mock" }
}

mock_resource "aws_lb" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/mock/0000000000000000"
    arn_suffix = "app/mock/0000000000000000"
    dns_name   = "mock.elb.test"
    zone_id    = "Z00000000000000000000"
  }
}

mock_resource "aws_lb_target_group" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/mock/0000000000000000"
    arn_suffix = "targetgroup/mock/0000000000000000"
  }
}

mock_resource "aws_rds_cluster" {
  defaults = {
    arn                = "arn:aws:rds:us-east-1:000000000000:cluster:mock"
    endpoint           = "mock.cluster.rds.test"
    master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:rds!mock" }]
  }
}

mock_resource "aws_rds_global_cluster" {
  defaults = { arn = "arn:aws:rds::000000000000:global-cluster:mock" }
}

mock_resource "aws_efs_file_system" {
  defaults = { id = "fs-00000000000000000", arn = "arn:aws:elasticfilesystem:us-east-1:000000000000:file-system/fs-00000000000000000" }
}

mock_resource "aws_efs_access_point" {
  defaults = { id = "fsap-00000000000000000" }
}

mock_resource "aws_s3_bucket" {
  defaults = { arn = "arn:aws:s3:::mock", bucket_regional_domain_name = "mock.s3.test" }
}

mock_resource "aws_ecr_repository" {
  defaults = { repository_url = "registry.test/mock" }
}

mock_resource "aws_route53_zone" {
  defaults = { arn = "arn:aws:route53:::hostedzone/Z00000000000000000000", zone_id = "Z00000000000000000000" }
}
