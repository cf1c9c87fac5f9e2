-- name: lock_registry
-- One writer at a time: revisions are committed in their order.
select value::text::bigint as revision from settings where key = 'registry_revision' for update

-- name: set_revision
update settings set value = to_jsonb(%(revision)s::bigint) where key = 'registry_revision'

-- name: set_setting
insert into settings (key, value) values (%(key)s, to_jsonb(%(value)s::text))
on conflict (key) do update set value = excluded.value where settings.value is distinct from excluded.value
returning key

-- name: lay_paths
-- Paths of all areas, those that the file does not name included, whose ancestors may have moved.
with recursive tree as (
    select area_id, array[area_id] as path from areas where parent_id is null
    union all
    select areas.area_id, tree.path || areas.area_id from areas join tree on areas.parent_id = tree.area_id
)
update areas set path = tree.path from tree where areas.area_id = tree.area_id and areas.path is distinct from tree.path

-- name: active_alerts_of_unnamed_homes
select home_id, count(*) as alerts from alerts
where closed_at is null and home_id in (
    select home_id from homes where not exists (select from new_homes where new_homes.home_id = homes.home_id))
group by home_id order by home_id limit 50

-- name: taken_z2m_names
-- Names that devices of the database hold and that are not staged anew themselves.
select new.device_id, new.home_id, new.account, new.z2m, old.device_id as holder, old.home_id as holder_home
from new_devices as new join devices as old on old.account = new.account and old.z2m = new.z2m
where old.device_id <> new.device_id
  and not exists (select from new_devices as other where other.device_id = old.device_id)
order by new.device_id limit 50

-- name: homes_with_other_residents
-- Homes whose residents the staged ones change: they get or alter one, lose one to another home or, where the staged
-- ones `replace` those there, altogether.
select new.home_id from new_residents as new left join residents as old using (resident_id)
where old.resident_id is null
   or (old.home_id, old.name, old.born, old.phone, old.traits, old.notes)
      is distinct from (new.home_id, new.name, new.born, new.phone, new.traits, new.notes)
union
select old.home_id from new_residents as new join residents as old using (resident_id)
where old.home_id <> new.home_id
union
select home_id from residents as old
where %(replace)s and home_id in (select home_id from new_homes)
  and not exists (select from new_residents as new where new.resident_id = old.resident_id)

-- name: delete_gone_residents
-- Those that their staged home does not name.
delete from residents as old
where home_id in (select home_id from new_homes)
  and not exists (select from new_residents as new where new.resident_id = old.resident_id)

-- name: moved_devices
select new.device_id, old.home_id as old_home_id, new.home_id
from new_devices as new join devices as old using (device_id) where old.home_id <> new.home_id

-- name: settle_moved_devices
-- A device that moved is new where it is now: what it saw elsewhere is no activity here.
with gone as (delete from device_state where device_id = any(%(device_ids)s))
update devices set registered_at = %(now)s where device_id = any(%(device_ids)s)

-- name: devices_not_named_by_their_home
-- For a home that is put as a whole: its devices that are not staged.
select old.device_id, old.home_id from devices as old
where old.home_id in (select home_id from new_homes)
  and not exists (select from new_devices as new where new.device_id = old.device_id)

-- name: devices_not_named
select old.device_id, old.home_id from devices as old
where not exists (select from new_devices as new where new.device_id = old.device_id)

-- name: delete_devices
with gone as (delete from device_state where device_id = any(%(device_ids)s)),
removed as (
    insert into removals (kind, id, revision) select 'device', unnest(%(device_ids)s::text[]), %(revision)s
    on conflict (kind, id) do update set revision = excluded.revision)
delete from devices where device_id = any(%(device_ids)s)

-- name: delete_homes
with gone as (delete from device_state where home_id = any(%(home_ids)s)),
removed as (
    insert into removals (kind, id, revision) select 'home', unnest(%(home_ids)s::text[]), %(revision)s
    on conflict (kind, id) do update set revision = excluded.revision)
delete from homes where home_id = any(%(home_ids)s)

-- name: homes_not_named
select home_id from homes where not exists (select from new_homes where new_homes.home_id = homes.home_id)

-- name: devices_of_removed_homes
select device_id from devices where home_id = any(%(home_ids)s)

-- name: remember_removals
insert into removals (kind, id, revision) select %(kind)s, unnest(%(ids)s::text[]), %(revision)s
on conflict (kind, id) do update set revision = excluded.revision

-- name: forget_removals
-- What is there again is not removed.
delete from removals using devices
where removals.kind = 'device' and id = devices.device_id and devices.revision = %(revision)s

-- name: forget_home_removals
delete from removals using homes where removals.kind = 'home' and id = homes.home_id and homes.revision = %(revision)s

-- name: forget_plan_removals
delete from removals using plans where removals.kind = 'plan' and id = plans.plan_id and plans.revision = %(revision)s

-- name: revise_plans_of_policies
-- A plan is read with its policies, so it is new where one of them is.
update plans set revision = %(revision)s
where revision <> %(revision)s
  and exists (select from jsonb_each_text(body -> 'policies') where value = any(%(policy_ids)s))

-- name: count_versions_of_homes
-- A home is its residents and devices too.
update homes set version = version + 1, revision = %(revision)s
where home_id = any(%(home_ids)s) and revision <> %(revision)s

-- name: watch_homes
-- Look at them at once: new thresholds and new devices hold from now on.
insert into home_watch (home_id, next_check_at)
select home_id, %(now)s from homes where home_id = any(%(home_ids)s) order by home_id
on conflict (home_id) do update set next_check_at = least(home_watch.next_check_at, excluded.next_check_at)

-- name: watch_homes_of_plans
insert into home_watch (home_id, next_check_at)
select home_id, %(now)s from homes where plan_id = any(%(plan_ids)s) order by home_id
on conflict (home_id) do update set next_check_at = least(home_watch.next_check_at, excluded.next_check_at)

-- name: watch_all_homes
insert into home_watch (home_id, next_check_at)
select home_id, %(now)s from homes order by home_id
on conflict (home_id) do update set next_check_at = least(home_watch.next_check_at, excluded.next_check_at)

-- name: announce
select pg_notify('lampkeep_registry', '')

-- name: setting
select value #>> '{}' as value from settings where key = %(key)s
