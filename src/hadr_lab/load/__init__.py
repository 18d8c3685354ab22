"""The clients: an open-loop load generator that runs as its own process in the edge namespace.

It offers requests at a fixed rate whether or not answers come, measures from the intended send time, resolves names as real
clients do, and writes down every attempt. It decides nothing about the outcome of a drill and never talks to `hadr` or the lab.
"""
