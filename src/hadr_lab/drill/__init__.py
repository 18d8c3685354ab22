"""A drill: steady state, load, faults, detection, somebody acts, clients recover, the checker judges, the result is written."""
