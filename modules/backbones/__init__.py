"""One family of networks with sites a file."""
