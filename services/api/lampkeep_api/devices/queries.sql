-- name: devices_page
-- By id, each with its newest signs of life; `scope` is an area id, null: all areas. Word that a device is offline is
-- no sign of life, and a press is one that `device_state` does not hold.
select d.device_id, d.home_id, h.area_id, d.account, d.kind, d.place, d.z2m, d.heartbeat_every, d.version,
       greatest(s.seen_at, (select max(u.received_at) from urgent_messages u
                            where u.home_id = d.home_id and u.device_id = d.device_id)) as last_seen_at,
       s.battery, s.battery_at, s.online
from devices d
join homes h using (home_id)
left join lateral (
    select max(case when type = 'online' then on_at[1] else seen_at end) as seen_at,
           (array_agg(percent order by percent_at desc) filter (where percent_at is not null))[1] as battery,
           max(percent_at) as battery_at,
           bool_or(coalesce(on_at[1] >= coalesce(off_at[1], on_at[1]), false)) filter (where type = 'online') as online
    from device_state where device_id = d.device_id
) s on true
where (%(after)s::text is null or d.device_id > %(after)s)
  and (%(device)s::text is null or d.device_id = %(device)s)
  and (%(home)s::text is null or d.home_id = %(home)s)
  and (%(kind)s::text is null or d.kind = %(kind)s)
  and (%(area)s::text is null or h.area_id in (select area_id from areas where path @> array[%(area)s::text]))
  and (%(scope)s::text is null or h.area_id in (select area_id from areas where path @> array[%(scope)s::text]))
order by d.device_id
limit %(limit)s
