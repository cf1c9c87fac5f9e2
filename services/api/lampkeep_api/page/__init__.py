"""The plain page at `/`: active alerts, live. The duty-room console is a later one."""
