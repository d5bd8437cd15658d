"""What an edge is: one file a kind of graph. A new file here is enough to add one."""
