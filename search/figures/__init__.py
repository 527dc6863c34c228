"""The figures of a report, one a file, as plain data that plotly.js draws."""
