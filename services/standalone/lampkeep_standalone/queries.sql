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
