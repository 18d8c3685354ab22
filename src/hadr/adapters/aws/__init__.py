"""AWS behind the ports. Clients are made in `session`, every call is listed in `calls`, errors are translated in `errors`."""
