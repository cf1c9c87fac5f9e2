-- name: make_link_key
-- The key of acknowledge links: one an installation, made by whoever asks first.
insert into settings (key, value) values ('link_key', to_jsonb(%(key)s::text)) on conflict (key) do nothing

-- name: link_key
select value #>> '{}' as key from settings where key = 'link_key'

-- name: beat
insert into service_heartbeats (service, instance, beat_at, detail) values ('dispatch', %(instance)s, %(at)s, %(detail)s)
on conflict (service, instance) do update set beat_at = excluded.beat_at, detail = excluded.detail

-- name: database_now
select clock_timestamp() as at

-- name: announce
select pg_notify('lampkeep_alerts', '')

-- ---------------------------------------------------------------- signals

-- name: claim_signal
-- The oldest signal that is due and no other copy works on. Signals of one device and of one home keep their order, so
-- that a cancel is not read before its sos; a signal that has failed once holds up no other.
select s.signal_id, s.attempts, s.created_at, u.urgent_id, u.account, u.device_id, u.message_id, u.type, u.home_id, u.at,
       u.received_at, u.data, u.marks, exists (select 1 from signals other where other.signal_id <> s.signal_id) as more
from signals s join urgent_messages u using (urgent_id)
where (s.not_before is null or s.not_before <= %(now)s)
  and not exists (
      select 1 from signals earlier join urgent_messages v on v.urgent_id = earlier.urgent_id
      where earlier.signal_id < s.signal_id and earlier.attempts = 0
        and (v.home_id = u.home_id or (v.account = u.account and v.device_id = u.device_id)))
order by s.signal_id
limit 1
for update of s skip locked

-- name: delete_signal
delete from signals where signal_id = %(signal_id)s

-- name: postpone_signal
update signals set attempts = attempts + 1, not_before = %(not_before)s where signal_id = %(signal_id)s

-- name: active_alert
-- Locked: whoever joins an alert changes it.
select * from alerts where cause_key = %(cause_key)s and closed_at is null for no key update

-- name: newest_alert
select * from alerts where home_id = %(home_id)s and cause_key = %(cause_key)s
order by opened_at desc limit 1 for no key update

-- name: sos_of_alert
-- Whether an alert has no cause but presses of one device, and whether one of them is the press that is taken back.
select bool_and(o.kind = 'sos' and o.account is not distinct from %(account)s
                and o.device_id is not distinct from %(device_id)s) as only_its_own,
       bool_or(u.message_id = %(ref)s) as named
from occurrences o left join urgent_messages u using (urgent_id) where o.alert_id = %(alert_id)s

-- ---------------------------------------------------------------- home states

-- name: states_of_homes
select home_id, device_id, type, seen_at, on_at, off_at, percent, percent_at
from device_state where home_id = any(%(home_ids)s)

-- name: presses_of_homes
-- The newest press of an urgent button in each home, a test press included.
select homes.home_id, newest.at, newest.device_id
from unnest(%(home_ids)s::text[]) as homes (home_id)
cross join lateral (
    select u.at, u.device_id from urgent_messages u
    where u.home_id = homes.home_id and u.type = any(%(presses)s) order by u.at desc limit 1) as newest

-- ---------------------------------------------------------------- alerts and their effects

-- name: due_alert
-- The alert whose escalation is due first, of the lane (`life` or the rest), that no other copy works on.
select * from alerts
where (priority = 'life') = %(life)s and next_due_at <= %(now)s
order by next_due_at limit 1
for no key update skip locked

-- name: next_due
select min(next_due_at) as at from alerts where (priority = 'life') = %(life)s and next_due_at is not null

-- name: put_off_alert
-- After a failure that is no fault of the database: it is tried again, and the others get their turn.
update alerts set next_due_at = %(at)s where alert_id = %(alert_id)s

-- name: write_rows
-- What one transaction adds, in one statement: causes, what happened in its order, steps, and one notification a person
-- with the hash of the link that acknowledges for them.
with caused as (
    insert into occurrences (alert_id, urgent_id, kind, device_id, account, at, received_at, late, evidence)
    select * from jsonb_to_recordset(%(occurrences)s) as x (
        alert_id text, urgent_id bigint, kind text, device_id text, account text, at timestamptz,
        received_at timestamptz, late boolean, evidence jsonb)
), happened as (
    insert into timeline (alert_id, at, what, actor, detail)
    select alert_id, at, what, actor, detail from rows from (
        jsonb_to_recordset(%(entries)s) as (alert_id text, at timestamptz, what text, actor text, detail jsonb)
    ) with ordinality as x (alert_id, at, what, actor, detail, n) order by n
), started as (
    insert into steps (alert_id, round, step, role, due_at, started_at, deliver_within_s, ended, met)
    select * from jsonb_to_recordset(%(steps)s) as x (
        alert_id text, round int, step int, role text, due_at timestamptz, started_at timestamptz,
        deliver_within_s double precision, ended text, met boolean)
    on conflict (alert_id, round, step) do update set
        started_at = coalesce(steps.started_at, excluded.started_at),
        ended = excluded.ended, met = coalesce(steps.met, excluded.met)
), told as materialized (
    select * from jsonb_to_recordset(%(notifications)s) as x (
        notification_id uuid, alert_id text, round int, step int, reason text, role text, responder_id text,
        text_key text, detail jsonb, urgent boolean, created_at timestamptz, next_attempt_at timestamptz,
        give_up_at timestamptz, claimed_by text, claimed_until timestamptz, claim int, link text)
), linked as (
    insert into acknowledge_links (sha256, alert_id, responder_id, name, role, created_at)
    select distinct on (link) decode(link, 'hex'), alert_id, responder_id, name, role, created_at
    from jsonb_to_recordset(%(notifications)s) as x (
        link text, alert_id text, responder_id text, name text, role text, created_at timestamptz)
    on conflict (sha256) do nothing
)
insert into notifications (
    notification_id, alert_id, round, step, reason, role, responder_id, text_key, detail, urgent, created_at,
    next_attempt_at, give_up_at, claimed_by, claimed_until, claim)
select notification_id, alert_id, round, step, reason, role, responder_id, text_key, detail, urgent, created_at,
       next_attempt_at, give_up_at, claimed_by, claimed_until, claim
from told

-- name: tell_devices
-- `reason` is progress or prompt.
-- The device that raised the alert, each device of a further cause, or where a rule raised it every pendant and button
-- of the home. The id comes of what is told, so that a state is told once an entry. What is told later is created later,
-- by a microsecond where the clock is not: that is its order. Nobody is told `notified` once somebody has answered.
insert into notifications (
    notification_id, alert_id, reason, device_id, text_key, detail, urgent, created_at, next_attempt_at, give_up_at)
select md5(concat_ws('/', %(alert_id)s::text, %(state)s::text, %(entry)s::text, told.account, told.device_id))::uuid,
       %(alert_id)s, %(reason)s, told.device_id, %(state)s, jsonb_build_object('account', told.account), %(urgent)s,
       greatest(%(now)s, (select max(p.created_at) + interval '1 microsecond' from notifications p
                          where p.alert_id = %(alert_id)s and p.reason = 'progress')), %(now)s, %(give_up_at)s
from (
    select distinct account, device_id from occurrences
    where alert_id = %(alert_id)s and urgent_id is not null and device_id is not null
    union
    select d.account, d.device_id from devices d join alerts a on a.home_id = d.home_id
    where a.alert_id = %(alert_id)s and d.kind in ('pendant', 'button')
      and not exists (select 1 from occurrences o where o.alert_id = a.alert_id and o.urgent_id is not null)
) as told
where %(state)s <> 'notified' or not exists (
    select 1 from notifications p
    where p.alert_id = %(alert_id)s and p.reason = 'progress' and p.text_key <> 'notified')
limit 20
on conflict (notification_id) do nothing

-- name: stand_down
-- Everybody who was asked since the last time they were stood down, except the owner; the line only where it is meant.
insert into notifications (
    notification_id, alert_id, reason, role, responder_id, text_key, urgent, created_at, next_attempt_at, give_up_at)
select gen_random_uuid(), %(alert_id)s, 'stand_down', asked.role, asked.responder_id, 'stand_down', %(urgent)s, %(now)s,
       %(now)s, %(give_up_at)s
from (
    select distinct on (n.responder_id) n.responder_id, n.role from notifications n
    where n.alert_id = %(alert_id)s and n.responder_id is not null and n.reason in ('step', 'repeat')
      and (n.attempt_count > 0 or n.claimed_until > %(now)s)
      and n.responder_id is distinct from %(owner_id)s
      and (n.role <> 'emergency_line' or %(line_too)s)
      and not exists (
          select 1 from notifications s
          where s.alert_id = n.alert_id and s.responder_id = n.responder_id and s.reason = 'stand_down'
            and s.created_at >= n.created_at and s.state <> 'dropped')
    order by n.responder_id, n.created_at desc
) as asked
returning responder_id

-- name: drop_pending
-- What nobody is sending just now is not sent any more; a claimed one is looked at again before its next attempt.
update notifications set state = 'dropped', next_attempt_at = null
where alert_id = %(alert_id)s and state = 'pending' and reason = any(%(reasons)s) and device_id is null
  and (claimed_until is null or claimed_until <= %(now)s)
  and (%(closed)s or not detail ? 'asked_while_owned')

-- name: drop_older_repeats
-- A repeat that is still on its way when the next one is made gives way to it; the step's own stays.
update notifications set state = 'dropped', next_attempt_at = null
where alert_id = %(alert_id)s and state = 'pending' and reason = 'repeat' and responder_id = any(%(responder_ids)s)
  and (claimed_until is null or claimed_until <= %(now)s)

-- name: end_steps
-- One that ran without a delivery is over and not met, unless a request is under way that may still meet it. One that
-- has not started owed nothing yet.
with stopped as (
    select s.alert_id, s.round, s.step, s.met is null and s.started_at is not null and not exists (
               select 1 from notifications n
               where n.alert_id = s.alert_id and n.round = s.round and n.step = s.step and n.reason in ('step', 'repeat')
                 and n.state = 'pending' and n.claimed_until > %(now)s) as missed
    from steps s where s.alert_id = %(alert_id)s and s.ended is null and s.delivered_at is null for update)
update steps s set ended = 'stopped', met = case when b.missed then false else s.met end
from stopped b where s.alert_id = b.alert_id and s.round = b.round and s.step = b.step
returning s.role, b.missed

-- name: fail_step
-- `missed`: its budget was still undecided, and is counted by whoever decides it.
with before as (
    select met from steps
    where alert_id = %(alert_id)s and round = %(round)s and step = %(step)s and ended is null for update)
update steps s set ended = 'failed', met = coalesce(s.met, false) from before
where s.alert_id = %(alert_id)s and s.round = %(round)s and s.step = %(step)s
returning s.role, before.met is null as missed

-- name: miss_budgets
-- Steps whose budget has passed without a delivery, each counted by whoever updates it.
update steps set met = false
where met is null and (ended is null or ended = 'stopped') and started_at is not null
  and started_at + deliver_within_s * interval '1 second' < %(now)s
returning alert_id, round, step, role

-- ---------------------------------------------------------------- acts

-- name: alert_with_acts
-- The alert with the oldest act that waits and that no other copy works on; its acts are then taken in order.
select * from alerts
where alert_id in (
    select alert_id from acts where handled_at is null and alert_id <> all(%(aside)s::text[]) order by act_id limit 50)
order by (priority = 'life') desc limit 1
for no key update skip locked

-- name: acts_of_alert
select act_id, act, actor, entered, detail, at from acts
where alert_id = %(alert_id)s and handled_at is null order by act_id

-- name: handle_acts
update acts set handled_at = %(now)s where act_id = any(%(act_ids)s)

-- ---------------------------------------------------------------- rules

-- name: watched_until
-- Up to which instant some copy of ingest has drained the observations; no copy at all where ingest never ran.
select count(*) as copies, max((detail #>> '{watched_until,observation}')::timestamptz) as until
from service_heartbeats where service = 'ingest'

-- name: claim_watched
-- Homes to look at. The rows are held until they are moved on, so a reading that comes meanwhile moves them afterwards.
select home_id, unseen, unobservable_since from home_watch
where next_check_at <= %(now)s order by next_check_at limit %(limit)s
for update skip locked

-- name: hold_watched
select home_id, unseen, unobservable_since from home_watch where home_id = %(home_id)s for update skip locked

-- name: next_watched
select min(next_check_at) as at from home_watch

-- name: move_watched
update home_watch set next_check_at = moved.at, checked_at = %(now)s
from unnest(%(home_ids)s::text[], %(ats)s::timestamptz[]) as moved (home_id, at)
where home_watch.home_id = moved.home_id

-- name: remember_sight
update home_watch set unseen = %(unseen)s, unobservable_since = %(unobservable_since)s where home_id = %(home_id)s

-- name: told_of_homes
-- What was told of these homes and is not over: as an alert's finding, or as a note.
select home_id, kind, subject, found_at, false as noted from findings where home_id = any(%(home_ids)s)
union all
select home_id, what, subject, noted_at, true from notes where home_id = any(%(home_ids)s) and over_at is null

-- name: pre_alarms_of_homes
select home_id, opened_at from alerts where state = 'pre_alarm' and home_id = any(%(home_ids)s)

-- name: lock_pre_alarms
select * from alerts where state = 'pre_alarm' and home_id = %(home_id)s order by alert_id for no key update

-- name: unwatched_since
select began_at, ended_at from unwatched where ended_at > %(since)s order by began_at

-- name: keep_note
insert into notes (home_id, what, subject, since, noted_at, evidence)
values (%(home_id)s, %(what)s, %(subject)s, %(since)s, %(now)s, %(evidence)s)
on conflict (home_id, what, subject) where over_at is null do update
set since = excluded.since, noted_at = excluded.noted_at, evidence = excluded.evidence

-- name: end_note
update notes set over_at = %(now)s
where home_id = %(home_id)s and what = %(what)s and subject = %(subject)s and over_at is null

-- name: dark_homes
-- How many homes went dark at about the same time, at most `limit` of them.
select count(*) as homes from (
    select 1 from home_watch where unobservable_since between %(from)s and %(until)s limit %(limit)s) as found

-- name: dark_areas
-- For the home's area and those above it, lowest first: how many homes they have, and how many went dark together.
with dark as (
    select a.path, count(*) as homes
    from home_watch w join homes h using (home_id) join areas a on a.area_id = h.area_id
    where w.unobservable_since between %(from)s and %(until)s group by a.path)
select up.area_id, coalesce((select sum(d.homes) from dark d where d.path @> array[up.area_id]), 0)::int as dark,
       (select count(*) from homes h join areas a on a.area_id = h.area_id where a.path @> array[up.area_id])::int as homes
from homes h join areas own on own.area_id = h.area_id
join areas up on up.area_id = any(own.path)
where h.home_id = %(home_id)s
order by cardinality(up.path) desc

-- name: active_system_alert
-- That of the lowest area the home lies in.
select alerts.* from alerts
join homes h on h.home_id = %(home_id)s join areas own on own.area_id = h.area_id
join areas up on up.area_id = any(own.path) and alerts.cause_key = 'area/' || up.area_id || '/system'
where alerts.closed_at is null and alerts.evidence ->> 'reason' = 'area_dark'
order by cardinality(up.path) desc limit 1 for no key update of alerts

-- name: told_apart
-- Alerts of single homes that went dark together with the area below `area_id`.
select alerts.* from findings f
join home_watch w using (home_id) join homes h using (home_id) join areas a on a.area_id = h.area_id
join alerts on alerts.alert_id = f.alert_id
where f.kind = 'home_unobservable' and alerts.kind = 'home_unobservable' and alerts.closed_at is null
  and a.path @> array[%(area_id)s::text] and w.unobservable_since between %(from)s and %(until)s
order by alerts.alert_id limit 200 for no key update of alerts

-- name: move_finding
update findings set alert_id = %(alert_id)s where home_id = %(home_id)s and kind = 'home_unobservable'

-- name: keep_finding
insert into findings (home_id, kind, subject, since, alert_id, found_at)
values (%(home_id)s, %(kind)s, %(subject)s, %(since)s, %(alert_id)s, %(now)s)
on conflict (home_id, kind, subject) do update
set since = excluded.since, alert_id = excluded.alert_id, found_at = excluded.found_at

-- name: forget_finding
delete from findings where home_id = %(home_id)s and kind = %(kind)s and subject = %(subject)s
returning alert_id

-- name: findings_of_alert
select count(*) as standing from findings where alert_id = %(alert_id)s

-- ---------------------------------------------------------------- outbox

-- name: claim_notifications
-- What is due, of one lane. `next_attempt_at` is the end of the claim, so a claim whose holder died comes due by itself.
with due as (
    select notification_id from notifications
    where urgent = %(urgent)s and next_attempt_at <= %(now)s
    order by next_attempt_at limit %(limit)s for update skip locked)
update notifications n
set claimed_by = %(instance)s, claimed_until = %(until)s, next_attempt_at = %(until)s, claim = n.claim + 1
from due where n.notification_id = due.notification_id
returning n.notification_id

-- name: postpone_notification
-- After an error that nobody foresaw: later, under the same claim only.
update notifications set next_attempt_at = %(at)s, claimed_by = null, claimed_until = null,
    attempt_count = attempt_count + 1
where notification_id = %(notification_id)s and claim = %(claim)s and state = 'pending'

-- name: put_aside_notification
update notifications set state = 'failed', next_attempt_at = null, claimed_by = null, claimed_until = null
where notification_id = %(notification_id)s and state = 'pending'

-- name: next_notification
select min(next_attempt_at) as at from notifications where urgent = %(urgent)s and next_attempt_at is not null

-- name: renew_claims
update notifications n set claimed_until = %(until)s, next_attempt_at = %(until)s
from unnest(%(ids)s::uuid[], %(claims)s::int[]) as held (notification_id, claim)
where n.notification_id = held.notification_id and n.claim = held.claim and n.state = 'pending'
returning n.notification_id

-- name: parcels
-- All that sending needs: the notification, its alert as it is now, home, residents, the person's channels, what was
-- tried. `in_flight`: something else about this alert is under way to the same person, which a stand-down must not pass,
-- or an earlier state has not yet been tried on the same device. `superseded`: the device knows a later state, or one
-- waits while this one has failed before; a stand-down's person has taken the alert, or was asked again since.
select n.notification_id, n.alert_id, n.round, n.step, n.reason, n.role, n.responder_id, n.device_id, n.text_key,
       n.detail, n.urgent, n.created_at, n.give_up_at, n.claim, n.attempt_count, n.delivered_at,
       a.kind, a.priority, a.state as alert_state, a.opened_at, a.pressed_at, a.home_id, a.area_id, a.evidence,
       a.progress ->> 'line_reference' as line_reference, (a.progress -> 'asking') <> 'null' as asking,
       h.address, h.latitude, h.longitude, r.channels, s.deliver_within_s,
       (select value #>> '{}' from settings where key = 'timezone') as timezone,
       (select jsonb_agg(jsonb_build_object('resident_id', p.resident_id, 'name', p.name, 'born', p.born,
               'phone', p.phone, 'notes', p.notes) order by p.position, p.resident_id)
        from residents p where p.home_id = a.home_id) as residents,
       case when n.attempt_count > 0 then
           (select array_agg(distinct t.channel_index) from attempts t
            where t.notification_id = n.notification_id and t.result = 'final') end as finals,
       n.reason = 'stand_down' and exists (
           select 1 from notifications o
           where o.alert_id = n.alert_id and o.responder_id = n.responder_id and o.state = 'pending'
             and o.reason in ('step', 'repeat') and o.claimed_until > %(now)s)
       or n.device_id is not null and exists (
           select 1 from notifications o
           where o.alert_id = n.alert_id and o.device_id = n.device_id and o.detail = n.detail and o.state = 'pending'
             and o.created_at < n.created_at and (o.attempt_count = 0 or o.claimed_until > %(now)s)) as in_flight,
       n.device_id is not null and exists (
           select 1 from notifications o
           where o.alert_id = n.alert_id and o.device_id = n.device_id and o.detail = n.detail
             and o.created_at > n.created_at
             and (o.state = 'delivered' or o.state = 'pending' and n.attempt_count > 0))
       or n.reason = 'stand_down' and (
           (a.owner_kind = 'responder' and a.owner_id = n.responder_id) is true
           or exists (
               select 1 from notifications o
               where o.alert_id = n.alert_id and o.responder_id = n.responder_id and o.reason in ('step', 'repeat')
                 and o.created_at > n.created_at and (o.state = 'pending' or o.attempt_count > 0))) as superseded
from notifications n
join alerts a using (alert_id)
left join homes h on h.home_id = a.home_id
left join responders r on r.responder_id = n.responder_id
left join steps s on s.alert_id = n.alert_id and s.round = n.round and s.step = n.step
where n.notification_id = any(%(ids)s)

-- name: lock_alerts
-- In one order, before anything of theirs is written: records and decisions of one alert never meet half way.
select alert_id from alerts where alert_id = any(%(alert_ids)s) order by alert_id for no key update

-- name: record_sweep
-- The end of a round through a person's channels, under its own claim only. Attempts are kept in any case.
with tried as (
    insert into attempts (notification_id, channel, channel_index, started_at, ended_at, result, detail)
    select %(notification_id)s, x.channel, x.channel_index, x.started_at, x.ended_at, x.result, x.detail
    from jsonb_to_recordset(%(attempts)s) as x (
        channel text, channel_index smallint, started_at timestamptz, ended_at timestamptz, result text, detail text)
), mine as (
    update notifications set
        state = %(state)s, next_attempt_at = %(next_attempt_at)s, claimed_by = null, claimed_until = null,
        attempt_count = attempt_count + %(attempts_made)s, sent_at = coalesce(sent_at, %(sent_at)s),
        delivered_at = coalesce(delivered_at, %(delivered_at)s), reference = coalesce(%(reference)s, reference)
    where notification_id = %(notification_id)s and claim = %(claim)s
    returning alert_id, round, step, reason
), step_before as (
    select s.* from steps s join mine using (alert_id, round, step) where mine.reason in ('step', 'repeat')
), ran as (
    update steps s set
        sent_at = coalesce(s.sent_at, %(sent_at)s), delivered_at = coalesce(s.delivered_at, %(delivered_at)s),
        met = coalesce(s.met, %(delivered_at)s::timestamptz <= s.started_at + s.deliver_within_s * interval '1 second')
    from step_before b where s.alert_id = b.alert_id and s.round = b.round and s.step = b.step
    returning s.met
), delivered as (
    insert into timeline (alert_id, at, what, actor, detail)
    select alert_id, %(delivered_at)s, 'delivered', 'dispatch', %(entry)s::jsonb
    from mine where %(entry)s::jsonb is not null
)
select exists (select 1 from mine) as held, b.role as step_role,
       b.met is null and r.met is not null as budget_decided, r.met,
       b.alert_id is not null and %(delivered_at)s::timestamptz is not null and not exists (
           select 1 from steps d where d.alert_id = b.alert_id and d.delivered_at is not null) as first_of_alert
from (select 1) as one left join step_before b on true left join ran r on true

-- name: step_has_failed
-- Whether all who were asked by a step can never be reached about it.
select coalesce(bool_and(state = 'failed'), false) as failed from notifications
where alert_id = %(alert_id)s and round = %(round)s and step = %(step)s and reason = 'step'

-- name: drop_line_calls
-- The line has accepted: its other calls are not tried any more.
update notifications set state = 'dropped', next_attempt_at = null
where alert_id = %(alert_id)s and state = 'pending' and role = 'emergency_line' and reason in ('step', 'repeat')
  and notification_id <> %(notification_id)s and (claimed_until is null or claimed_until <= %(now)s)

-- name: asked_to_telephone
-- Whether the duty room was asked in this round, and whether the timeline says that it was to be asked at all.
select exists (select 1 from notifications
               where alert_id = %(alert_id)s and text_key = %(text_key)s and role in ('operator', 'supervisor')
                 and (detail ->> 'round')::int = %(round)s) as heard,
       exists (select 1 from timeline
               where alert_id = %(alert_id)s and what = 'told' and detail ->> 'text' = %(text_key)s) as tried

-- name: was_told
select exists (select 1 from notifications where alert_id = %(alert_id)s and text_key = %(text_key)s) as told
