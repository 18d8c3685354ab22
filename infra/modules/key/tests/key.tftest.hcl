mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                = "peccy-one"
  deletion_protection = true
}

run "protected" {
  command = plan

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "the key is rotated, and can be taken back for 30 days"
  }
  assert {
    condition     = aws_kms_alias.this.name == "alias/peccy-one"
    error_message = "the key is found by its member's name"
  }
}

run "destroyable" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition     = aws_kms_key.this.deletion_window_in_days == 7
    error_message = "without protection the key goes as soon as AWS allows"
  }
}
