"""Terraform as anybody would run it on a root of `infra`, with the emulated AWS in place of AWS and nothing else changed."""

from hadr_lab.terraform.root import Root, copied

__all__ = ["Root", "copied"]
