# What somebody has to be told of a member. Each alarm holds for either role: a member that stands by has no targets and raises none,
# a writer has no lag to report.

resource "aws_sns_topic" "this" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.key_arn
}

resource "aws_cloudwatch_metric_alarm" "targets" {
  alarm_name          = "${var.name}-targets"
  alarm_description   = "Pods of ${var.name} that the load balancer holds for unhealthy"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "UnHealthyHostCount"
  dimensions          = { LoadBalancer = var.balancer.arn_suffix, TargetGroup = var.balancer.target_group_arn_suffix }
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_metric_alarm" "database_lag" {
  count               = var.database_lag == null ? 0 : 1
  alarm_name          = "${var.name}-database-lag"
  alarm_description   = "A failover to ${var.name} now would lose more writes than the recovery point objective allows"
  namespace           = "AWS/RDS"
  metric_name         = "AuroraGlobalDBReplicationLag"
  dimensions          = { DBClusterIdentifier = var.database_lag.cluster }
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.database_lag.milliseconds
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_metric_alarm" "file_lag" {
  count               = var.file_lag == null ? 0 : 1
  alarm_name          = "${var.name}-file-lag"
  alarm_description   = "Files of ${var.name} were last copied longer ago than the file recovery point objective allows"
  namespace           = "AWS/EFS"
  metric_name         = "TimeSinceLastSync"
  dimensions          = { FileSystemId = var.file_lag.source, DestinationFileSystemId = var.file_lag.destination }
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.file_lag.seconds
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}
