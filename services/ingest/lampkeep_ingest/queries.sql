-- name: store_urgent
-- Urgent messages that waited together, with their signals and their records as rejected; answers with the numbers of
-- those whose identity was free. An identity is free again once it is older than it is remembered, if the device's
-- instant is another one or none: a pendant whose counter restarted must not be ignored. For a retained copy it never
-- is. Identities are taken in their order, so that two copies of ingest cannot wait for one another; messages get their
-- numbers in the order in which they came. `type` null: rejected, no more.
with said as materialized (
    select * from json_to_recordset(%(rows)s::json) as row (
        n int, account text, device_id text, key text, message_id text, type text, home_id text, at timestamptz,
        said_at timestamptz, received_at timestamptz, free_before timestamptz, battery smallint, data json, extra json,
        marks text[], retained boolean, signals boolean, topic text, reason text, detail text, size int, head text)
), identity as (
    insert into urgent_identities as known (account, device_id, message_id, stored_at, at)
    select account, device_id, key, received_at, said_at from said order by account, device_id, key
    on conflict (account, device_id, message_id) do update
        set stored_at = excluded.stored_at, at = excluded.at
        where (excluded.at is null or known.at is distinct from excluded.at)
          and exists (
            select from said
            where said.account = known.account and said.device_id = known.device_id and said.key = known.message_id
              and not said.retained and known.stored_at < said.free_before)
    returning account, device_id, message_id as key, xmax <> 0 as reused
), new as (
    select said.*, reused from said join identity using (account, device_id, key)
), message as (
    insert into urgent_messages
        (account, device_id, message_id, type, home_id, at, received_at, battery, data, extra, marks)
    select account, device_id, message_id, type, home_id, at, received_at, battery, data, extra,
           case when reused and message_id = key then array_append(marks, 'id_reused') else marks end
    from new where type is not null order by n
    returning urgent_id
), numbered as (
    select urgent_id, row_number() over (order by urgent_id) as position from message
), signal as (
    insert into signals (urgent_id, created_at)
    select urgent_id, received_at
    from (select received_at, signals, row_number() over (order by n) as position from new where type is not null)
         as ordered join numbered using (position)
    where signals order by position
), rejected as (
    insert into rejected_messages (received_at, lane, topic, account, device_id, reason, detail, size, head)
    select received_at, 'urgent', topic, account, device_id, reason, detail, size, decode(head, 'base64')
    from new where reason is not null order by n
)
select n from new

-- name: last_alarm
-- What a detector said last, for a copy that has not heard it since it started.
select data from urgent_messages
where home_id = %(home_id)s and device_id = %(device_id)s and type = %(type)s
order by urgent_id desc limit 1

-- name: store_observations
-- A batch: identities first, then the messages whose identity was free; answers with the numbers of all others.
-- Identities are taken in their order, so that two writers cannot wait for one another.
with said as materialized (
    select * from json_to_recordset(%(rows)s::json) as row (
        n int, account text, device_id text, key text, message_id text, type text, home_id text, at timestamptz,
        said_at timestamptz, received_at timestamptz, battery smallint, data json, extra json, marks text[])
), identity as (
    insert into observation_identities as known (account, device_id, message_id, stored_at, at)
    select account, device_id, key, received_at, said_at from said order by account, device_id, key
    on conflict (account, device_id, message_id) do update
        set stored_at = excluded.stored_at, at = excluded.at
        where known.stored_at < excluded.stored_at - interval '24 hours'
          and (excluded.at is null or known.at is distinct from excluded.at)
    returning account, device_id, message_id as key, xmax <> 0 as reused
), stored as (
    insert into observations
        (received_at, at, account, device_id, home_id, message_id, type, battery, data, extra, marks)
    select received_at, at, account, device_id, home_id, message_id, type, battery, data, extra,
           case when reused then array_append(marks, 'id_reused') else marks end
    from said join identity using (account, device_id, key)
)
select n from said left join identity using (account, device_id, key) where identity.key is null

-- name: merge_states
-- The fold: the same merge as `lampkeep.domain.home_state.merge`, spelled so that the common case (one newer instant)
-- needs no sorting. Rows are taken in the order of their key.
insert into device_state as known
    (device_id, type, home_id, seen_at, on_at, off_at, percent, percent_at)
select * from json_to_recordset(%(states)s::json) as row (
    device_id text, type text, home_id text, seen_at timestamptz, on_at timestamptz[], off_at timestamptz[],
    percent smallint, percent_at timestamptz)
order by device_id, type
on conflict (device_id, type) do update set
    home_id = excluded.home_id,
    seen_at = greatest(known.seen_at, excluded.seen_at),
    on_at = case
        when cardinality(excluded.on_at) = 0 then known.on_at
        when cardinality(known.on_at) = 0 then excluded.on_at
        when excluded.on_at[cardinality(excluded.on_at)] > known.on_at[1]
            then (excluded.on_at || known.on_at)[1:%(keep)s]
        else newest(known.on_at, excluded.on_at, %(keep)s) end,
    off_at = case
        when cardinality(excluded.off_at) = 0 then known.off_at
        when cardinality(known.off_at) = 0 then excluded.off_at
        when excluded.off_at[cardinality(excluded.off_at)] > known.off_at[1]
            then (excluded.off_at || known.off_at)[1:%(keep)s]
        else newest(known.off_at, excluded.off_at, %(keep)s) end,
    percent = case
        when excluded.percent_at is null or known.percent_at > excluded.percent_at then known.percent
        when known.percent_at = excluded.percent_at then least(known.percent, excluded.percent)
        else excluded.percent end,
    percent_at = greatest(known.percent_at, excluded.percent_at)

-- name: wake_homes
-- What could make a rule find more sooner than the home's next look moves that look forward.
with wake as (
    select * from json_to_recordset(%(wakes)s::json) as row (home_id text, at timestamptz)
), due as (
    select home_id, wake.at from home_watch join wake using (home_id)
    where next_check_at > wake.at order by home_id for update of home_watch
)
update home_watch set next_check_at = least(next_check_at, due.at) from due where home_watch.home_id = due.home_id

-- name: retained_unknown
-- Of retained observations those that were not stored when they were said.
select n from json_to_recordset(%(rows)s::json) as said (n int, account text, device_id text, message_id text)
where not exists (
    select from observation_identities as known
    where known.account = said.account and known.device_id = said.device_id and known.message_id = said.message_id)

-- name: record_rejected
insert into rejected_messages (received_at, lane, topic, account, device_id, reason, detail, size, head)
values (%(received_at)s, %(lane)s, %(topic)s, %(account)s, %(device_id)s, %(reason)s, %(detail)s, %(size)s, %(head)s)

-- name: guard_session
-- A copy that is frozen or cut off loses its session, and with it the lane, within about 10 s.
select set_config('idle_session_timeout', '10s', false), set_config('tcp_keepalives_idle', '5', false),
       set_config('tcp_keepalives_interval', '2', false), set_config('tcp_keepalives_count', '3', false)

-- name: take_lane
-- Held by the session: whoever holds it writes observations, and loses it with the connection.
select pg_try_advisory_lock(%(key)s) as held

-- name: drained_before
select max((detail #>> '{watched_until,observation}')::timestamptz) as until
from service_heartbeats where service = 'ingest'

-- name: keep_gap
insert into unwatched (began_at, ended_at, reason) values (%(began_at)s, %(ended_at)s, %(reason)s)
on conflict (began_at) do update set ended_at = greatest(unwatched.ended_at, excluded.ended_at), reason = excluded.reason

-- name: beat
insert into service_heartbeats (service, instance, beat_at, detail)
values ('ingest', %(instance)s, %(now)s, %(detail)s::jsonb)
on conflict (service, instance) do update set beat_at = excluded.beat_at, detail = excluded.detail

-- name: forget_observation_identities
-- In chunks and slices of time: the BRIN index passes over what earlier slices left dead.
delete from observation_identities where ctid = any(array(
    select ctid from observation_identities where stored_at >= %(after)s and stored_at < %(before)s limit %(chunk)s))

-- name: forget_rejection_identities
-- Identities of urgent messages stay as long as the messages; only those of mere rejections go.
delete from urgent_identities where ctid = any(array(
    select ctid from urgent_identities
    where stored_at < %(before)s and message_id like '~rejected%%' limit %(chunk)s))

-- name: forget_rejected
delete from rejected_messages where rejected_id in (
    select rejected_id from rejected_messages where received_at < %(before)s limit %(chunk)s)

-- name: prepare_observations
select prepare_observations((%(now)s::timestamptz at time zone 'UTC')::date, 8)
