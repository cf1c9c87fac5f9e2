"""The shapes of what comes in and goes out: messages, commands, notifications, the community file."""
