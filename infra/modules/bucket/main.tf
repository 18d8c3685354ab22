# A private, versioned bucket. With `public_key`, anyone may ask whether that one object is there: so Route 53's health checkers see a
# switch. It is asked over plain HTTP and without a name, so this one object is neither TLS-only nor under a key of our own.

data "aws_partition" "this" {}

locals {
  arn      = "arn:${data.aws_partition.this.partition}:s3:::${var.name}"
  switched = var.public_key != null
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV2_AWS_6:the block is below; of a switch it admits the policy for one object, and no ACL
  # checkov:skip=CKV_AWS_18:who changes a switch or a journal is in CloudTrail; access logs would need a further bucket
  # checkov:skip=CKV_AWS_144:a bucket of a Region is that Region's on purpose: a switch elsewhere is lost with it
  # checkov:skip=CKV2_AWS_62:nobody waits for events of this bucket
  # checkov:skip=CKV_AWS_145:the journal is under the member's key; a switch is read by anyone, which KMS does not allow
  bucket        = var.name
  force_destroy = !var.deletion_protection
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = !local.switched
    apply_server_side_encryption_by_default {
      sse_algorithm     = local.switched ? "AES256" : "aws:kms"
      kms_master_key_id = local.switched ? null : var.key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 365
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_public_access_block" "this" {
  # checkov:skip=CKV_AWS_54:only with public_key: the policy that admits readers to that one object is public by intent
  # checkov:skip=CKV_AWS_56:as above
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = !local.switched
  restrict_public_buckets = !local.switched
}

data "aws_iam_policy_document" "this" {
  # checkov:skip=CKV_AWS_283:anyone may read exactly one object, see above

  statement {
    sid           = "TlsOnly"
    effect        = "Deny"
    actions       = ["s3:*"]
    resources     = local.switched ? null : [local.arn, "${local.arn}/*"]
    not_resources = local.switched ? ["${local.arn}/${var.public_key}"] : null
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = local.switched ? [var.public_key] : []
    content {
      sid       = "AnyoneSeesTheSwitch"
      actions   = ["s3:GetObject"]
      resources = ["${local.arn}/${statement.value}"]
      principals {
        type        = "*"
        identifiers = ["*"]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket     = aws_s3_bucket.this.id
  policy     = data.aws_iam_policy_document.this.json
  depends_on = [aws_s3_bucket_public_access_block.this]
}
