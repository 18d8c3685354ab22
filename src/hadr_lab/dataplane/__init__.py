"""The realizers: each makes the machine's processes match one kind of AWS resource, level-triggered."""
