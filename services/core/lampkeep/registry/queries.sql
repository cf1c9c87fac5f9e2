-- name: registry_stamp
-- What a reader compares to know whether it is behind.
select (select value::text::bigint from settings where key = 'registry_revision') as revision,
       (select value #>> '{}' from settings where key = 'timezone') as timezone

-- name: changed_plans
-- Plans above a revision, each with the policies that it names.
select plan_id, body, revision,
       (select jsonb_object_agg(policy_id, policies.body) from policies
        where policy_id in (select jsonb_each_text.value from jsonb_each_text(plans.body -> 'policies'))) as policies
from plans where revision > %(revision)s

-- name: plans_by_id
select plan_id, body, revision,
       (select jsonb_object_agg(policy_id, policies.body) from policies
        where policy_id in (select jsonb_each_text.value from jsonb_each_text(plans.body -> 'policies'))) as policies
from plans where plan_id = any(%(plan_ids)s)

-- name: changed_homes
select home_id, plan_id from homes where revision > %(revision)s

-- name: changed_devices
select device_id, home_id, account, kind, place, z2m, heartbeat_every, registered_at
from devices where revision > %(revision)s

-- name: removals_since
select kind, id from removals where revision > %(revision)s

-- name: homes_by_id
select home_id, area_id, plan_id, plans.revision as plan_revision, registered_at, emergency_consent, suspend
from homes join plans using (plan_id) where home_id = any(%(home_ids)s)

-- name: devices_of_homes
select device_id, home_id, account, kind, place, z2m, heartbeat_every, registered_at
from devices where home_id = any(%(home_ids)s) order by home_id, position, device_id

-- name: home_context
select home_id, area_id, plan_id, registered_at, emergency_consent, suspend, address, latitude, longitude, family,
       areas.path, plans.body,
       (select value #>> '{}' from settings where key = 'timezone') as timezone,
       (select jsonb_object_agg(policy_id, policies.body) from policies
        where policy_id in (select jsonb_each_text.value from jsonb_each_text(plans.body -> 'policies'))) as policies
from homes join areas using (area_id) join plans using (plan_id)
where home_id = %(home_id)s

-- name: devices_of_home
select device_id, home_id, account, kind, place, z2m, heartbeat_every, registered_at
from devices where home_id = %(home_id)s order by position, device_id

-- name: residents_of_home
select resident_id, name, born, phone, traits, notes from residents
where home_id = %(home_id)s order by position, resident_id

-- name: people_for_path
-- Everybody who may be asked for an area of the path, or by a roster on it.
select responder_id, name, role, area_ids, phone, channels from responders
where area_ids && %(path)s::text[]
   or responder_id in (
        select jsonb_array_elements_text(shift -> 'responders')
        from rosters, jsonb_array_elements(shifts) as shift where area_id = any(%(path)s::text[]))
order by responder_id

-- name: rosters_for_path
select area_id, role, shifts from rosters where area_id = any(%(path)s::text[])

-- name: people_for_home
-- The same for a home, whose path the query finds itself, and its family.
select responder_id, name, role, area_ids, phone, channels from responders
where area_ids && (select path from homes join areas using (area_id) where home_id = %(home_id)s)
   or responder_id in (select unnest(family) from homes where home_id = %(home_id)s)
   or responder_id in (
        select jsonb_array_elements_text(shift -> 'responders')
        from homes join areas using (area_id) join rosters on rosters.area_id = any(areas.path),
             jsonb_array_elements(shifts) as shift
        where home_id = %(home_id)s)
order by responder_id

-- name: rosters_for_home
select rosters.area_id, role, shifts
from homes join areas using (area_id) join rosters on rosters.area_id = any(areas.path)
where home_id = %(home_id)s

-- name: duty_room
select responder_id, name, role, area_ids, phone, channels from responders
where role in ('operator', 'supervisor') order by responder_id

-- name: duty_room_rosters
select area_id, role, shifts from rosters where role in ('operator', 'supervisor')

-- name: area_path
select path, (select value #>> '{}' from settings where key = 'timezone') as timezone
from areas where area_id = %(area_id)s

-- name: timezone
select value #>> '{}' as timezone from settings where key = 'timezone'
