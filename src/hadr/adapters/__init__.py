"""The outside, behind the ports: AWS and Kubernetes for real use, memory for tests and simulation."""
