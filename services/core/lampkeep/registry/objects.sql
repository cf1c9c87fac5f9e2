-- name: home
select home_id, area_id, plan_id, address, latitude, longitude, emergency_consent, family, suspend, version
from homes where home_id = %(id)s

-- name: residents_of
select resident_id, name, born, phone, traits, notes from residents
where home_id = %(id)s order by position, resident_id

-- name: devices_of
select device_id, home_id, account, kind, place, z2m, heartbeat_every from devices
where home_id = %(id)s order by position, device_id

-- name: device
select device_id, home_id, account, kind, place, z2m, heartbeat_every, devices.version, homes.area_id
from devices join homes using (home_id) where device_id = %(id)s

-- name: responder
select responder_id, name, role, area_ids, phone, channels, version from responders where responder_id = %(id)s

-- name: plan
select plan_id, body, version from plans where plan_id = %(id)s

-- name: policy
select policy_id, body, version from policies where policy_id = %(id)s

-- name: place_of_device
-- Where a device stands in its home's order: its old place, or the end.
select coalesce(
    (select position from devices where device_id = %(device_id)s and home_id = %(home_id)s),
    (select max(position) + 1 from devices where home_id = %(home_id)s), 0) as position

-- name: known_areas
select area_id from areas where area_id = any(%(ids)s)

-- name: known_plans
select plan_id from plans where plan_id = any(%(ids)s)

-- name: known_policies
select policy_id from policies where policy_id = any(%(ids)s)

-- name: known_homes
select home_id from homes where home_id = any(%(ids)s)

-- name: roles
select responder_id, role from responders where responder_id = any(%(ids)s)

-- name: residents_elsewhere
select resident_id, home_id from residents where resident_id = any(%(ids)s) and home_id <> %(home_id)s

-- name: devices_elsewhere
select device_id, home_id from devices where device_id = any(%(ids)s) and home_id <> %(home_id)s

-- name: holders_of_z2m
select device_id, home_id, account, z2m from devices where (account, z2m) in (select * from unnest(%(accounts)s::text[], %(names)s::text[]))

-- name: leaning_on_responder
-- Rosters and homes that name the responder, a few of them.
select 'roster ' || area_id || ' ' || role as what from rosters
where exists (select from jsonb_array_elements(shifts) as shift where shift -> 'responders' ? %(id)s)
union all
(select 'home ' || home_id from homes where %(id)s = any(family) order by home_id limit 5)

-- name: leaning_on_plan
select 'home ' || home_id as what from homes where plan_id = %(id)s order by home_id limit 5

-- name: leaning_on_policy
select 'plan ' || plan_id as what from plans
where exists (select from jsonb_each_text(body -> 'policies') where value = %(id)s) order by plan_id limit 5

-- name: leaning_on_home
select 'alert ' || alert_id as what from alerts where home_id = %(id)s and closed_at is null order by alert_id limit 5

-- name: leaning_on_device
-- Nothing does: an alert keeps the id of the device that raised it.
select '' as what where false and %(id)s = ''

-- name: delete_responder
delete from responders where responder_id = %(id)s

-- name: delete_plan
delete from plans where plan_id = %(id)s

-- name: delete_policy
delete from policies where policy_id = %(id)s
