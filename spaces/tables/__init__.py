"""The tables that more than one space shows, or that are too long to stand in one."""
