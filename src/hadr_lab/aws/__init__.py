"""The emulated AWS API: one front, moto in process, and own services where moto is wrong or silent."""
