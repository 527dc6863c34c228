"""One attention mechanism a file."""
