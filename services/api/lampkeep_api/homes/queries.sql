-- Every query takes `scope`, an area id; null: all areas.

-- name: homes_page
-- By id, each with its residents and how many alerts are active.
select h.home_id, h.area_id, h.plan_id, h.address, h.latitude, h.longitude, h.emergency_consent, h.version,
       (select value #>> '{}' from settings where key = 'timezone') as timezone,
       coalesce((select jsonb_agg(jsonb_build_object('id', r.resident_id, 'name', r.name, 'born', r.born,
               'phone', r.phone, 'traits', r.traits, 'notes', r.notes) order by r.position, r.resident_id)
        from residents r where r.home_id = h.home_id), '[]') as residents,
       (select count(*) from alerts a where a.home_id = h.home_id and a.closed_at is null) as active_alerts
from homes h
where (%(after)s::text is null or h.home_id > %(after)s)
  and (%(plan)s::text is null or h.plan_id = %(plan)s)
  and (%(area)s::text is null or h.area_id in (select area_id from areas where path @> array[%(area)s::text]))
  and (%(scope)s::text is null or h.area_id in (select area_id from areas where path @> array[%(scope)s::text]))
order by h.home_id
limit %(limit)s

-- name: home_whole
-- One statement, so one snapshot. Instants inside the aggregates are RFC 3339 text.
select h.home_id, h.area_id, h.plan_id, h.address, h.latitude, h.longitude, h.emergency_consent, h.version, h.family,
       h.suspend, h.registered_at, w.next_check_at,
       (select value #>> '{}' from settings where key = 'timezone') as timezone,
       coalesce((select jsonb_agg(jsonb_build_object('id', r.resident_id, 'name', r.name, 'born', r.born,
               'phone', r.phone, 'traits', r.traits, 'notes', r.notes) order by r.position, r.resident_id)
        from residents r where r.home_id = h.home_id), '[]') as residents,
       coalesce((select jsonb_agg(jsonb_build_object('alert_id', a.alert_id, 'kind', a.kind, 'priority', a.priority,
               'state', a.state, 'home_id', a.home_id, 'area_id', a.area_id, 'opened_at', a.opened_at,
               'pressed_at', a.pressed_at, 'acknowledged_at', a.acknowledged_at, 'closed_at', a.closed_at,
               'owner_id', a.owner_id, 'owner_name', a.owner_name, 'owner_kind', a.owner_kind, 'late', a.late,
               'round', (a.progress->>'round')::int, 'occurrence_count', a.occurrence_count,
               'next_step_at', a.next_step_at, 'evidence', a.evidence, 'version', a.version)
               order by a.opened_at desc, a.alert_id desc)
        from alerts a where a.home_id = h.home_id and a.closed_at is null), '[]') as active_alerts
from homes h left join home_watch w using (home_id)
where h.home_id = %(home_id)s
  and (%(scope)s::text is null or h.area_id in (select area_id from areas where path @> array[%(scope)s::text]))

-- name: home_signs
-- What the fold knows of the home's devices.
select s.device_id, s.type, s.seen_at, s.on_at, s.off_at, s.percent, s.percent_at
from device_state s join devices d using (device_id)
where d.home_id = %(home_id)s

-- name: home_presses
-- The newest press, which the fold does not hold: the types are those that only a hand can send.
select device_id, at from urgent_messages
where home_id = %(home_id)s and type = any(%(presses)s)
order by at desc
limit 1

-- name: home_activity
-- What devices of the home said, newest first, urgent or not. `received_at` only prunes chunks: a believed `at` is at
-- most two minutes ahead of it and 72 hours behind (contract section 2).
select * from (
    (select o.at, o.received_at, o.device_id, o.message_id, o.type, o.battery, o.data::text as data, o.marks,
            'observation' as lane
     from observations o
     where o.home_id = %(home_id)s and o.at >= %(from)s and o.at < %(to)s
       and o.received_at >= %(from)s - interval '2 minutes' and o.received_at < %(to)s + interval '72 hours'
       and (%(before_at)s::timestamptz is null or (o.at, o.received_at, o.device_id, o.message_id)
            < (%(before_at)s, %(before_received)s::timestamptz, %(before_device)s::text, %(before_message)s::text))
     order by o.at desc, o.received_at desc, o.device_id desc, o.message_id desc
     limit %(limit)s)
    union all
    (select u.at, u.received_at, u.device_id, coalesce(u.message_id, ''), u.type, u.battery, u.data::text, u.marks,
            'urgent'
     from urgent_messages u
     where u.home_id = %(home_id)s and u.at >= %(from)s and u.at < %(to)s
       and (%(before_at)s::timestamptz is null or (u.at, u.received_at, u.device_id, coalesce(u.message_id, ''))
            < (%(before_at)s, %(before_received)s::timestamptz, %(before_device)s::text, %(before_message)s::text))
     order by u.at desc, u.received_at desc, u.device_id desc, coalesce(u.message_id, '') desc
     limit %(limit)s)
) said
order by at desc, received_at desc, device_id desc, message_id desc
limit %(limit)s

-- name: home_visible
select 1 from homes h
where h.home_id = %(home_id)s
  and (%(scope)s::text is null or h.area_id in (select area_id from areas where path @> array[%(scope)s::text]))

-- name: home_notes
select what, since, noted_at, over_at, evidence from notes
where home_id = %(home_id)s and (over_at is null or over_at > %(since)s) order by noted_at desc limit 50
