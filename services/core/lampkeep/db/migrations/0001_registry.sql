-- The registry: who lives where, which devices watch, who is told, and by which plan. Written by `lampkeep apply`
-- and by the API's PUT and DELETE; read by every service. Ids are those of the community file.

create table settings (
    key text primary key,
    value jsonb not null
);

-- Every writer of the registry raises this first and holds it until its commit, so revisions become visible in order;
-- a reader that has seen revision n reads only the rows above n, and `removals` for what is gone.
insert into settings (key, value) values ('registry_revision', '0');

create table removals (
    kind text not null,      -- device, home, plan
    id text not null,
    revision bigint not null,
    primary key (kind, id)
);
create index removals_revision on removals (revision);

-- `path` runs from the root to the area itself: "below X" is `path @> array['X']`.
create table areas (
    area_id text primary key,
    name text not null,
    parent_id text references areas,
    path text[] not null,
    position int not null default 0
);
create index areas_path on areas using gin (path);

create table responders (
    responder_id text primary key,
    name text not null,
    role text not null,
    area_ids text[] not null default '{}',
    phone text,
    channels jsonb not null default '[]',
    version int not null default 1
);
create index responders_role on responders (role);
create index responders_areas on responders using gin (area_ids);

create table rosters (
    area_id text not null references areas,
    role text not null,
    shifts jsonb not null,
    version int not null default 1,
    primary key (area_id, role)
);

-- `body` is the object of the community file, as it was validated.
create table policies (
    policy_id text primary key,
    body jsonb not null,
    version int not null default 1
);
create table plans (
    plan_id text primary key,
    body jsonb not null,
    version int not null default 1,
    revision bigint not null default 0 -- of the plan or of a policy that it names
);
create index plans_revision on plans (revision);

create table homes (
    home_id text primary key,
    area_id text not null references areas,
    plan_id text not null references plans,
    address text,
    latitude double precision,
    longitude double precision,
    emergency_consent boolean not null default false,
    family text[] not null default '{}',
    suspend jsonb not null default '[]',
    registered_at timestamptz not null,
    version int not null default 1,
    revision bigint not null default 0
);
create index homes_revision on homes (revision);
create index homes_area on homes (area_id);
create index homes_plan on homes (plan_id);

create table residents (
    resident_id text primary key,
    home_id text not null references homes on delete cascade,
    name text,
    born date,
    phone text,
    traits text[] not null default '{}',
    notes text,
    position int not null default 0
);
create index residents_home on residents (home_id);

create table devices (
    device_id text primary key,
    home_id text not null references homes on delete cascade,
    account text not null,
    kind text not null,
    place text,
    z2m text,
    heartbeat_every interval,
    registered_at timestamptz not null,
    position int not null default 0,
    version int not null default 1,
    revision bigint not null default 0,
    -- deferrable: two devices may swap their names in one transaction
    constraint devices_z2m unique (account, z2m) deferrable initially deferred
);
create index devices_revision on devices (revision);
create index devices_home on devices (home_id);

-- Only the SHA-256 of a token is kept: tokens are 256 random bits, so a slow hash would protect nothing more.
create table tokens (
    token_id text primary key,
    name text not null,
    role text not null,
    area_id text, -- null: all areas
    sha256 bytea not null unique,
    created_at timestamptz not null,
    revoked_at timestamptz
);
