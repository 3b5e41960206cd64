"""Studies beside their search: retention, status, deletion, copies."""
