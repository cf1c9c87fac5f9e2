-- name: said_in_home
-- What devices of a home said in a time, oldest first, urgent or not, without retained copies. `received_at` only prunes
-- chunks: a believed `at` is at most two minutes ahead of it and 72 hours behind (contract section 2).
select at, device_id, type, battery, data, bridged, urgent from (
    (select o.at, o.received_at, o.device_id, o.type, o.battery, o.data,
            o.extra is not null and o.extra::jsonb ? 'z2m' as bridged, false as urgent
     from observations o
     where o.home_id = %(home_id)s and o.at >= %(start)s and o.at < %(end)s
       and o.received_at >= %(start)s - interval '2 minutes' and o.received_at < %(end)s + interval '72 hours'
       and not ('retained' = any(o.marks)))
    union all
    (select u.at, u.received_at, u.device_id, u.type, u.battery, u.data, false, true
     from urgent_messages u
     where u.home_id = %(home_id)s and u.at >= %(start)s and u.at < %(end)s)
) said
order by at, received_at, device_id, type
