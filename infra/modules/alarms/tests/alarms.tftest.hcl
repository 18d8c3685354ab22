mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name     = "peccy-two"
  key_arn  = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  balancer = { arn_suffix = "app/peccy-two/0", target_group_arn_suffix = "targetgroup/peccy-two/0" }
}

run "of_one_region" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.database_lag) == 0 && length(aws_cloudwatch_metric_alarm.file_lag) == 0
    error_message = "without replication nothing can lag"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.targets.treat_missing_data == "notBreaching"
    error_message = "a member that stands by has no targets, and that is no alarm"
  }
}

run "of_two_regions" {
  command = plan

  variables {
    database_lag = { cluster = "peccy-two", milliseconds = 60000 }
    file_lag     = { source = "fs-1", destination = "fs-2", seconds = 900 }
  }

  assert {
    condition     = one(aws_cloudwatch_metric_alarm.database_lag).threshold == 60000 && one(aws_cloudwatch_metric_alarm.database_lag).dimensions == tomap({ DBClusterIdentifier = "peccy-two" })
    error_message = "the lag of the database is held against the objective, in milliseconds"
  }
  assert {
    condition     = one(aws_cloudwatch_metric_alarm.file_lag).threshold == 900
    error_message = "the age of the files' copy is held against the objective, in seconds"
  }
}
