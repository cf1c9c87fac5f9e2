-- name: load_alert
select * from alerts where alert_id = %(alert_id)s

-- name: lock_alert
-- Whoever changes an alert holds its row; waiting is bounded by the connection's lock_timeout. `no key`: rows that
-- only refer to the alert (timeline, attempts) may be written meanwhile, so a record never waits for a decision.
select * from alerts where alert_id = %(alert_id)s for no key update

-- name: insert_alert
-- Nothing is inserted where another active alert has the same cause: the caller joins that one.
insert into alerts (
    alert_id, cause_key, home_id, area_id, kind, priority, state, opened_at, pressed_at, acknowledged_at, closed_at,
    owner_id, owner_name, owner_kind, owner_role, lease_until, late, last_cause_at, occurrence_count, consent, outcome,
    policy, progress, next_due_at, next_step_at, evidence, version
) values (
    %(alert_id)s, %(cause_key)s, %(home_id)s, %(area_id)s, %(kind)s, %(priority)s, %(state)s, %(opened_at)s,
    %(pressed_at)s, %(acknowledged_at)s, %(closed_at)s, %(owner_id)s, %(owner_name)s, %(owner_kind)s, %(owner_role)s,
    %(lease_until)s, %(late)s, %(last_cause_at)s, %(occurrence_count)s, %(consent)s, %(outcome)s, %(policy)s,
    %(progress)s, %(next_due_at)s, %(next_step_at)s, %(evidence)s, %(version)s
)
on conflict (cause_key) where closed_at is null do nothing
returning alert_id

-- name: save_alert
-- The copied policy, the cause and what it opened with never change; a pre-alarm opens later. The version counts what a
-- person can see change, and every act (`touched`), so that the bookkeeping that follows an act does not make its own
-- answer stale.
update alerts set
    priority = %(priority)s, state = %(state)s, opened_at = %(opened_at)s,
    acknowledged_at = %(acknowledged_at)s, closed_at = %(closed_at)s,
    owner_id = %(owner_id)s, owner_name = %(owner_name)s, owner_kind = %(owner_kind)s, owner_role = %(owner_role)s,
    lease_until = %(lease_until)s, last_cause_at = %(last_cause_at)s, occurrence_count = %(occurrence_count)s,
    outcome = %(outcome)s, progress = %(progress)s, next_due_at = %(next_due_at)s, next_step_at = %(next_step_at)s,
    version = version + (case when %(touched)s or
        (priority, state, acknowledged_at, closed_at, owner_id, occurrence_count, outcome, next_step_at,
         progress -> 'round')
        is distinct from
        (%(priority)s, %(state)s, %(acknowledged_at)s, %(closed_at)s, %(owner_id)s, %(occurrence_count)s, %(outcome)s,
         %(next_step_at)s, %(progress)s -> 'round')
        then 1 else 0 end)
where alert_id = %(alert_id)s
returning version

-- name: append_timeline
insert into timeline (alert_id, at, what, actor, detail)
values (%(alert_id)s, %(at)s, %(what)s, %(actor)s, %(detail)s)

-- name: insert_act
insert into acts (alert_id, act, actor, entered, detail, at)
values (%(alert_id)s, %(act)s, %(actor)s, %(entered)s, %(detail)s, %(at)s)
