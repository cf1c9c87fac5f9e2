-- What devices said. Identity is in plain tables, because a unique key of a hypertable or partitioned table must hold
-- its time column and `(account, device_id, message_id)` must be unique whatever its time. Extra fields are `json`,
-- not `jsonb`: they are kept as they came, and jsonb refuses what JSON allows (a NUL in a string).

create table urgent_messages (
    urgent_id bigint generated always as identity primary key,
    account text not null,
    device_id text not null,
    message_id text,          -- null: it could not be read
    type text not null,       -- sos, sos_cancel, fall, smoke, gas; 'unknown' and 'unreadable' where it was neither
    home_id text,             -- null: the device is not registered
    at timestamptz not null,  -- the device's clock where it is believed, else received_at
    received_at timestamptz not null,
    battery smallint,
    data json not null,
    extra json,
    marks text[] not null default '{}' -- late, clock_not_believed, id_reused, retained, unregistered, wrong_type ...
);
create index urgent_messages_home on urgent_messages (home_id, at desc);
create index urgent_messages_received on urgent_messages (received_at);

-- One row an identity of the last 24 h and more; `stored_at` is renewed when an id is used again after that.
create table urgent_identities (
    account text not null,
    device_id text not null,
    message_id text not null,
    stored_at timestamptz not null,
    at timestamptz,
    primary key (account, device_id, message_id)
);
create index urgent_identities_stored on urgent_identities (stored_at);

create table observation_identities (
    account text not null,
    device_id text not null,
    message_id text not null,
    stored_at timestamptz not null,
    at timestamptz,
    primary key (account, device_id, message_id)
);
create index observation_identities_stored on observation_identities using brin (stored_at);

-- Work for dispatch: one row an urgent message that a rule must see; deleted in the transaction that handled it.
create table signals (
    signal_id bigint generated always as identity primary key,
    urgent_id bigint not null references urgent_messages,
    created_at timestamptz not null,
    attempts smallint not null default 0,
    not_before timestamptz -- set after a failed attempt
);

create table rejected_messages (
    rejected_id bigint generated always as identity primary key,
    received_at timestamptz not null,
    lane text not null,
    topic text not null,
    account text,
    device_id text,
    reason text not null,     -- a fixed word: malformed, too_large, unknown_type, unknown_device, foreign_account, ...
    detail text not null,     -- where and what, for a person
    size int not null,        -- bytes of the whole payload
    head bytea not null       -- its first 4 KiB
);
create index rejected_messages_received on rejected_messages (received_at desc);
create index rejected_messages_device on rejected_messages (device_id, received_at desc);

-- The fold: for each device and message type the newest instants of each value. Both merges (`newest`, greatest) are
-- associative, commutative and idempotent. No index on what changes, and room on the page, so that updates stay HOT.
create table device_state (
    device_id text not null,
    type text not null,
    home_id text not null,
    seen_at timestamptz not null,
    on_at timestamptz[] not null default '{}',   -- newest first: open, active, occupied, online, low, pressed
    off_at timestamptz[] not null default '{}',  -- newest first: closed, inactive, free, offline
    percent smallint,
    percent_at timestamptz,
    primary key (device_id, type)
) with (fillfactor = 50);
create index device_state_home on device_state (home_id);

create function newest(a timestamptz[], b timestamptz[], keep int) returns timestamptz[]
language sql immutable parallel safe as $$
    select coalesce(array_agg(x order by x desc), '{}')
    from (select distinct x from unnest(a || b) as x order by x desc limit keep) as kept
$$;

-- When to look at a home again. Activity does not move it; only what could make a rule fire sooner does.
create table home_watch (
    home_id text primary key references homes on delete cascade,
    next_check_at timestamptz not null,
    checked_at timestamptz
) with (fillfactor = 70);
create index home_watch_due on home_watch (next_check_at);

-- One row a service copy; says that it lives, and for ingest up to which instant a lane has been drained.
create table service_heartbeats (
    service text not null,
    instance text not null,
    beat_at timestamptz not null,
    detail jsonb not null default '{}',
    primary key (service, instance)
);
