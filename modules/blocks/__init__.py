"""One plug-and-play block a file."""
