-- name: accounts
-- Every MQTT account that a device is registered under.
select distinct account from devices

-- name: has_timescaledb
select exists (select from pg_extension where extname = 'timescaledb') as present

-- name: durability
-- Settings that must all be `on` for a commit to survive a power cut.
select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit')

-- name: server
select current_setting('server_version') as version, clock_timestamp() as now

-- name: webhook_urls
select distinct channel ->> 'url' as url from responders, jsonb_array_elements(channels) as channel
where channel ->> 'kind' = 'webhook'

-- name: demo_digest
-- Of the demo's community file as it was applied last; `community_digest` is that of the file that somebody gave.
select value #>> '{}' as sha256 from settings where key = 'demo_digest'

-- name: remember_demo
insert into settings (key, value) values ('demo_digest', to_jsonb(%(sha256)s::text))
on conflict (key) do update set value = excluded.value

-- name: forget_demo
delete from settings where key = 'demo_digest'
