"""The pure middle of hadr: what a site is, what was seen of it, what follows from that. No I/O, no clock, no library."""
