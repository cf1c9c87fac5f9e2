-- History as a hypertable of daily chunks by time of receipt. Late messages go into the chunk of the day they came.
create extension if not exists timescaledb;

create table observations (
    received_at timestamptz not null,
    at timestamptz not null,
    account text not null,
    device_id text not null,
    home_id text not null,
    message_id text not null,
    type text not null,
    battery smallint,
    data json not null,
    extra json,
    marks text[] not null default '{}'
);
select create_hypertable('observations', 'received_at', chunk_time_interval => interval '1 day', create_default_indexes => false);
create index observations_home on observations (home_id, at desc);

-- The same name as in the plain variant, where it makes partitions; here chunks make themselves.
create function prepare_observations(from_day date, days int) returns void language sql as $$ select $$;
create function drop_observations_before(day date) returns void language sql as $$
    select drop_chunks('observations', older_than => day::timestamptz);
$$;
