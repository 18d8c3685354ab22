"""What hadr has to say, as plain documents for --json and as rich tables for people. It prints nothing and decides nothing."""
