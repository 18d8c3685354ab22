"""The name server and the health checkers: Route 53's data plane."""
