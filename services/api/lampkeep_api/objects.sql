-- name: areas_outside
-- Those of some areas that are not the token's own or below it.
select area_id from unnest(%(area_ids)s::text[]) as named (area_id)
where not exists (select 1 from areas where areas.area_id = named.area_id and path @> array[%(scope)s::text])

-- name: homes_outside
-- Those of some homes that do not stand in the token's area or below it, and those that do not exist.
select home_id from unnest(%(home_ids)s::text[]) as named (home_id)
where not exists (select 1 from homes join areas using (area_id)
                  where homes.home_id = named.home_id and path @> array[%(scope)s::text])

-- name: family_elsewhere
-- A home outside the token's area that names the responder as family.
select 1 from homes
where %(responder_id)s = any(family)
  and area_id not in (select area_id from areas where path @> array[%(scope)s::text])
limit 1
