-- name: areas_outside
-- Those of some areas that are not the token's own or below it.
select area_id from unnest(%(area_ids)s::text[]) as named (area_id)
where not exists (select 1 from areas where areas.area_id = named.area_id and path @> array[%(scope)s::text])

-- name: areas_of_homes
select area_id from homes where home_id = any(%(home_ids)s)

-- name: family_elsewhere
-- A home outside the token's area that names the responder as family.
select 1 from homes
where %(responder_id)s = any(family)
  and area_id not in (select area_id from areas where path @> array[%(scope)s::text])
limit 1
