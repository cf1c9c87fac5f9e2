"""What all tests share is in `support`; this names the parts that pytest must know."""

pytest_plugins = ["support.services_plugin"]
