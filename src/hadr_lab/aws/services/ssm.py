"""SSM's API: moto's, with the public parameters in which EKS publishes its node images."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ssm.responses import SimpleSystemManagerResponse

from hadr_lab.aws.services.images import BUILT, public_parameter
from hadr_lab.aws.services.serial import Serial


class Ssm(Serial, SimpleSystemManagerResponse):
    """SSM's API in one Region."""

    def get_parameter(self) -> ActionResult:
        """GetParameter."""
        name = self.inputs()["Name"]
        value = public_parameter(self.region, name)
        return super().get_parameter() if value is None else ActionResult({"Parameter": self._public(name, value)})

    def get_parameters(self) -> ActionResult:
        """GetParameters, public and own together."""
        names = self.inputs()["Names"]
        public = {name: value for name in names if (value := public_parameter(self.region, name)) is not None}
        found = [self._public(name, value) for name, value in public.items()]
        own = self.ssm_backend.get_parameters([name for name in names if name not in public])
        found += [p.response_object(bool(self.inputs().get("WithDecryption")), self.region) for p in own.values()]
        missing = [name for name in names if name not in public and name not in own]
        return ActionResult({"Parameters": found, "InvalidParameters": missing})

    def _public(self, name: str, value: str) -> dict[str, Any]:
        return {
            "Name": name,
            "Type": "String",
            "Value": value,
            "Version": 1,
            "LastModifiedDate": BUILT,
            "ARN": f"arn:aws:ssm:{self.region}::parameter{name}",
            "DataType": "text",
        }
