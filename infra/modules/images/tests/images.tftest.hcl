mock_provider "aws" {
  source = "../../mocks"
}

variables {
  repositories        = ["peccy-app", "peccy-web"]
  replicate_to        = ["us-east-2"]
  key_arn             = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  deletion_protection = true
}

run "copied_to_the_other_region" {
  command = plan

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE" && !repository.force_delete])
    error_message = "a tag means one image for ever, and a repository with images is not deleted"
  }
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : one(repository.encryption_configuration).encryption_type == "KMS" && one(repository.image_scanning_configuration).scan_on_push])
    error_message = "images are encrypted under the member's key and scanned"
  }
  assert {
    condition     = one(one(one(aws_ecr_replication_configuration.this).replication_configuration).rule).destination[0].region == "us-east-2"
    error_message = "what is pushed here is copied to the other member"
  }
}

run "by_itself" {
  command = plan

  variables {
    replicate_to = []
  }

  assert {
    condition     = length(aws_ecr_replication_configuration.this) == 0
    error_message = "a site of one Region copies nowhere"
  }
}
