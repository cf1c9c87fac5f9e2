-- name: areas_page
-- By id; `scope` is an area id, null: all areas.
select area_id, name, parent_id, path from areas
where (%(after)s::text is null or area_id > %(after)s)
  and (%(scope)s::text is null or path @> array[%(scope)s::text])
order by area_id
limit %(limit)s

-- name: area_visible
-- Whether the area exists for this token.
select 1 from areas
where area_id = %(area)s and (%(scope)s::text is null or path @> array[%(scope)s::text])
