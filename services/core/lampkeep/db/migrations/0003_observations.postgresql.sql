-- History as a natively partitioned table, one partition a day by time of receipt, for servers without TimescaleDB.
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
) partition by range (received_at);
create index observations_home on observations (home_id, at desc);
create table observations_other partition of observations default;

create function prepare_observations(from_day date, days int) returns void language plpgsql as $$
declare
    day date;
    name text;
begin
    for day in select from_day + n from generate_series(0, days - 1) as n loop
        name := 'observations_' || to_char(day, 'YYYYMMDD');
        if to_regclass(name) is null
            and not exists (select 1 from only observations_other
                            where received_at >= day::timestamp at time zone 'UTC'
                              and received_at < (day + 1)::timestamp at time zone 'UTC') then
            execute format('create table %I partition of observations for values from (%L) to (%L)',
                name, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
        end if;
    end loop;
end $$;
select prepare_observations((now() at time zone 'UTC')::date - 1, 8);

create function drop_observations_before(day date) returns void language plpgsql as $$
declare
    name text;
begin
    for name in
        select relid::regclass::text from pg_partition_tree('observations')
        where isleaf and relid::regclass::text ~ '^observations_[0-9]{8}$'
          and to_date(right(relid::regclass::text, 8), 'YYYYMMDD') < day
    loop
        execute format('drop table %I', name);
    end loop;
end $$;
