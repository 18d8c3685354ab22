"""EFS file systems as directories, and their replication between Regions over the lab's network."""
