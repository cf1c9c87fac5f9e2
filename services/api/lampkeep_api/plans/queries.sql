-- name: plans_page
-- By id.
select plan_id as id, body, version from plans
where (%(after)s::text is null or plan_id > %(after)s) and (%(id)s::text is null or plan_id = %(id)s)
order by plan_id
limit %(limit)s
