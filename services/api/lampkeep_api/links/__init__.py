"""The link that a responder gets: a page with what and where, and a button. No token, no script, no trace."""
