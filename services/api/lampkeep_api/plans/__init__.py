"""Care plans: 一人一策."""
