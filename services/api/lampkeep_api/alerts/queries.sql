-- Every query takes `scope` (an area id, null: all areas) and `homeless` (whether alerts without a home are seen).

-- name: alerts_newest
-- A page, newest first, of any state.
select alert_id, kind, priority, state, home_id, area_id, opened_at, pressed_at, acknowledged_at, closed_at, owner_id,
       owner_name, owner_kind, late, (progress->>'round')::int as round, occurrence_count, next_step_at, evidence, version
from alerts
where (%(before_at)s::timestamptz is null or (opened_at, alert_id) < (%(before_at)s, %(before_id)s::text))
  and (%(states)s::text[] is null or state = any(%(states)s))
  and (%(kinds)s::text[] is null or kind = any(%(kinds)s))
  and (%(priorities)s::text[] is null or priority = any(%(priorities)s))
  and (%(home)s::text is null or home_id = %(home)s)
  and (%(area)s::text is null or area_id in (select area_id from areas where path @> array[%(area)s::text]))
  and ((home_id is null and %(homeless)s)
    or (home_id is not null and %(scope)s::text is null)
    or (home_id is not null and area_id in (select area_id from areas where path @> array[%(scope)s::text])))
order by opened_at desc, alert_id desc
limit %(limit)s

-- name: alerts_active
-- The same of active states only: the partial index holds a few hundred rows however long the history is.
select alert_id, kind, priority, state, home_id, area_id, opened_at, pressed_at, acknowledged_at, closed_at, owner_id,
       owner_name, owner_kind, late, (progress->>'round')::int as round, occurrence_count, next_step_at, evidence, version
from alerts
where closed_at is null
  and (%(before_at)s::timestamptz is null or (opened_at, alert_id) < (%(before_at)s, %(before_id)s::text))
  and (%(states)s::text[] is null or state = any(%(states)s))
  and (%(kinds)s::text[] is null or kind = any(%(kinds)s))
  and (%(priorities)s::text[] is null or priority = any(%(priorities)s))
  and (%(home)s::text is null or home_id = %(home)s)
  and (%(area)s::text is null or area_id in (select area_id from areas where path @> array[%(area)s::text]))
  and ((home_id is null and %(homeless)s)
    or (home_id is not null and %(scope)s::text is null)
    or (home_id is not null and area_id in (select area_id from areas where path @> array[%(scope)s::text])))
order by opened_at desc, alert_id desc
limit %(limit)s

-- name: alert_whole
-- One statement, so one snapshot: what it shows belongs to the version that it shows.
select a.alert_id, a.kind, a.priority, a.state, a.home_id, a.area_id, a.opened_at, a.pressed_at, a.acknowledged_at,
       a.closed_at, a.owner_id, a.owner_name, a.owner_kind, a.late, (a.progress->>'round')::int as round,
       a.occurrence_count, a.next_step_at, a.evidence, a.version, a.outcome,
       coalesce((select value #>> '{}' from settings where key = 'timezone'), 'Asia/Shanghai') as timezone,
       (select jsonb_build_object('id', h.home_id, 'area', h.area_id, 'address', h.address, 'plan', h.plan_id,
               'emergency_consent', h.emergency_consent,
               'location', case when h.latitude is not null then jsonb_build_array(h.latitude, h.longitude) end)
        from homes h where h.home_id = a.home_id) as home,
       coalesce((select jsonb_agg(jsonb_build_object('id', r.resident_id, 'name', r.name, 'born', r.born,
               'phone', r.phone, 'traits', r.traits, 'notes', r.notes) order by r.position, r.resident_id)
        from residents r where r.home_id = a.home_id), '[]') as residents,
       coalesce((select jsonb_agg(jsonb_build_object('id', o.occurrence_id, 'kind', o.kind, 'device', o.device_id,
               'account', o.account, 'at', o.at, 'received_at', o.received_at, 'late', o.late, 'evidence', o.evidence)
               order by o.occurrence_id)
        from occurrences o where o.alert_id = a.alert_id), '[]') as occurrences,
       coalesce((select jsonb_agg(jsonb_build_object('round', s.round, 'step', s.step, 'role', s.role,
               'due_at', s.due_at, 'started_at', s.started_at, 'sent_at', s.sent_at, 'delivered_at', s.delivered_at,
               'deliver_within_s', s.deliver_within_s, 'met', s.met, 'ended', s.ended) order by s.round, s.step)
        from steps s where s.alert_id = a.alert_id), '[]') as steps
from alerts a
where a.alert_id = %(alert_id)s
  and ((a.home_id is null and %(homeless)s)
    or (a.home_id is not null and %(scope)s::text is null)
    or (a.home_id is not null and a.area_id in (select area_id from areas where path @> array[%(scope)s::text])))

-- name: alert_visible
-- Whether the alert exists for this token.
select 1
from alerts
where alert_id = %(alert_id)s
  and ((home_id is null and %(homeless)s)
    or (home_id is not null and %(scope)s::text is null)
    or (home_id is not null and area_id in (select area_id from areas where path @> array[%(scope)s::text])))

-- name: timeline_page
-- Oldest first by when it happened: a delivery is recorded without the alert's lock, so it may be inserted behind what
-- happened after it. `seq`, the order of insertion, parts what happened at one instant.
select seq, at, what, actor, detail from timeline
where alert_id = %(alert_id)s
  and (%(after_at)s::timestamptz is null or (at, seq) > (%(after_at)s, %(after_seq)s::bigint))
order by at, seq
limit %(limit)s

-- name: stream_tail
-- The newest position that a reader may stand at: nothing can be inserted behind it any more.
select xact_id::text as xact, seq from timeline
where xact_id < pg_snapshot_xmin(pg_current_snapshot())
order by xact_id desc, seq desc
limit 1

-- name: stream_rows
-- What happened after a position, in the stream's order, with the alert as it is now and the path of its area.
select t.xact_id::text as xact, t.seq, t.what, a.alert_id, a.kind, a.priority, a.state, a.home_id, a.area_id,
       a.opened_at, a.pressed_at, a.acknowledged_at, a.closed_at, a.owner_id, a.owner_name, a.owner_kind, a.late,
       (a.progress->>'round')::int as round, a.occurrence_count, a.next_step_at, a.evidence, a.version,
       coalesce(ar.path, '{}') as path
from timeline t
join alerts a on a.alert_id = t.alert_id
left join areas ar on ar.area_id = a.area_id
where (t.xact_id, t.seq) > (%(xact)s::xid8, %(seq)s)
  and t.xact_id < pg_snapshot_xmin(pg_current_snapshot())
order by t.xact_id, t.seq
limit %(limit)s

-- name: stream_horizon
-- No row can have come from this transaction or a later one yet.
select pg_snapshot_xmax(pg_current_snapshot())::text as xact

-- name: tokens_still_good
-- Those of the tokens that have streams open which were not revoked.
select token_id from tokens where token_id = any(%(token_ids)s) and revoked_at is null

-- name: responder_to_act_for
-- A responder that the token may act for: of its area, below it, above it (they answer for it), or family of a home there.
select responder_id, name, role from responders r
where responder_id = %(responder_id)s
  and (%(scope)s::text is null
    or exists (select 1 from areas x, areas mine
               where x.area_id = any(r.area_ids) and mine.area_id = %(scope)s
                 and (x.path @> array[mine.area_id] or mine.path @> array[x.area_id]))
    or exists (select 1 from homes h
               where r.responder_id = any(h.family)
                 and h.area_id in (select area_id from areas where path @> array[%(scope)s::text])))
