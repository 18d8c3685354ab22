"""hadr-lab: a local AWS of several Regions in which the architectures run for real and are broken on purpose."""
