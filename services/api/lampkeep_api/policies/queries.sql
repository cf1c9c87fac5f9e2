-- name: policies_page
-- By id.
select policy_id as id, body, version from policies
where (%(after)s::text is null or policy_id > %(after)s) and (%(id)s::text is null or policy_id = %(id)s)
order by policy_id
limit %(limit)s
