"""The registry: homes, devices, responders, rosters, policies, plans and tokens as the database keeps them."""
