-- Alerts and everything that happens to them. An alert exists when its row is committed; a person is told from a
-- committed row of `notifications`; a timer is `next_due_at`.

create table alerts (
    alert_id text primary key,
    cause_key text not null, -- what can have only one active alert: 'home/<id>/life', 'home/<id>/low_battery', 'device/<account>/<device>'
    home_id text,
    area_id text,
    kind text not null,
    priority text not null,
    state text not null,
    opened_at timestamptz not null,
    pressed_at timestamptz,
    acknowledged_at timestamptz,
    closed_at timestamptz,
    owner_id text,
    owner_name text,
    owner_kind text,         -- responder, user
    owner_role text,
    lease_until timestamptz,
    late boolean not null default false,
    last_cause_at timestamptz not null,
    occurrence_count int not null default 1,
    consent boolean not null,
    outcome text,
    policy jsonb not null,   -- copied when it opened
    progress jsonb not null, -- lampkeep.domain.escalation.Progress
    next_due_at timestamptz, -- when escalation must look again; null: never by itself
    next_step_at timestamptz,
    evidence jsonb not null default '{}',
    version int not null default 1
);
create unique index alerts_one_active on alerts (cause_key) where closed_at is null;
create index alerts_due on alerts ((priority = 'life'), next_due_at) where next_due_at is not null;
create index alerts_newest on alerts (opened_at desc, alert_id desc);
create index alerts_active on alerts (opened_at desc, alert_id desc) where closed_at is null;
create index alerts_home on alerts (home_id, opened_at desc);
create index alerts_area on alerts (area_id, opened_at desc);

create table occurrences (
    occurrence_id bigint generated always as identity primary key,
    alert_id text not null references alerts,
    urgent_id bigint unique,  -- the message that caused it; null: a rule did
    kind text not null,
    device_id text,
    account text,
    at timestamptz not null,
    received_at timestamptz not null,
    late boolean not null default false,
    evidence jsonb not null default '{}'
);
create index occurrences_alert on occurrences (alert_id, occurrence_id);

-- What a rule has found and told; open until it is over, so that one silence raises one alert.
create table findings (
    home_id text not null references homes on delete cascade,
    kind text not null,
    subject text not null default '', -- the device it is about, '' the home
    since timestamptz,
    alert_id text,
    found_at timestamptz not null,
    primary key (home_id, kind, subject)
);

create table steps (
    alert_id text not null references alerts,
    round int not null,
    step int not null,       -- from 1
    role text not null,      -- several joined by commas
    due_at timestamptz not null,
    started_at timestamptz,
    sent_at timestamptz,
    delivered_at timestamptz,
    deliver_within_s double precision not null,
    ended text,              -- null while it runs: nobody_to_reach, failed, stopped
    met boolean,
    primary key (alert_id, round, step)
);
create index steps_owed on steps (started_at) where met is null and ended is null and started_at is not null;

create table notifications (
    notification_id uuid primary key,
    alert_id text not null references alerts,
    round int,
    step int,
    reason text not null,    -- step, repeat, again, confirm, stand_down, update, progress
    role text,
    responder_id text,       -- null: a device is told
    device_id text,
    text_key text not null,
    detail jsonb not null default '{}',
    urgent boolean not null default false, -- a `life` alert's: has claimers of its own
    created_at timestamptz not null,
    state text not null default 'pending', -- pending, delivered, accepted, failed, dropped
    next_attempt_at timestamptz,           -- null: no more; while claimed, the end of the claim
    give_up_at timestamptz,
    claimed_by text,
    claimed_until timestamptz,
    claim int not null default 0,          -- fencing: an attempt records its end only under its own claim
    attempt_count int not null default 0,
    sent_at timestamptz,
    delivered_at timestamptz,
    reference text
);
create index notifications_due on notifications (urgent, next_attempt_at) where next_attempt_at is not null;
create index notifications_alert on notifications (alert_id, created_at);

create table attempts (
    attempt_id bigint generated always as identity primary key,
    notification_id uuid not null references notifications,
    channel text not null,
    channel_index smallint not null,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    result text not null,    -- delivered, accepted, retry, final, timeout
    detail text not null default ''
);
create index attempts_notification on attempts (notification_id);

-- What people decided, for dispatch to act on; the state itself was changed in the same transaction.
create table acts (
    act_id bigint generated always as identity primary key,
    alert_id text not null references alerts,
    act text not null,       -- acknowledge, on_the_way, on_scene, resolve, cancel, escalate, confirm_emergency, note
    actor jsonb not null,    -- {"kind": "user|responder", "id", "name", "role"}
    entered text[] not null default '{}', -- states entered by it, in order
    detail jsonb not null default '{}',
    at timestamptz not null,
    handled_at timestamptz
);
create index acts_waiting on acts (act_id) where handled_at is null;

-- Append-only. `(xact_id, seq)` is the order of the stream: a reader takes only rows of transactions older than every
-- running one, so that nothing can appear behind its back.
create table timeline (
    seq bigint generated always as identity primary key,
    xact_id xid8 not null default pg_current_xact_id(),
    alert_id text not null references alerts,
    at timestamptz not null,
    what text not null,
    actor text not null,     -- system, dispatch, device:<id>, responder:<id>, user:<token id>
    detail jsonb not null default '{}'
);
create index timeline_alert on timeline (alert_id, at, seq);
create index timeline_stream on timeline (xact_id, seq);

-- A link that acknowledges one alert for one responder; only its hash is kept. It stays good while the alert is active,
-- also for a responder who is removed meanwhile: so it holds their name and role of when it was made.
create table acknowledge_links (
    sha256 bytea primary key,
    alert_id text not null references alerts,
    responder_id text not null,
    name text not null,
    role text not null,
    created_at timestamptz not null
);

create table idempotency_keys (
    token_id text not null,
    key text not null,
    request_sha256 bytea not null,
    status smallint not null,
    body json not null,
    etag text,
    created_at timestamptz not null,
    primary key (token_id, key)
);
create index idempotency_keys_created on idempotency_keys (created_at);
