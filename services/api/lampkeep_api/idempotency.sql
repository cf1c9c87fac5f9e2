-- name: hold_key
-- Two requests under one key take turns; released with the transaction.
select pg_advisory_xact_lock(hashtextextended(%(token_id)s || '/' || %(key)s, 7021121))

-- name: recall
select request_sha256, status, body, etag from idempotency_keys
where token_id = %(token_id)s and key = %(key)s and created_at > %(since)s

-- name: remember
-- An answer that is older than a day makes room.
insert into idempotency_keys (token_id, key, request_sha256, status, body, etag, created_at)
values (%(token_id)s, %(key)s, %(request_sha256)s, %(status)s, %(body)s, %(etag)s, %(now)s)
on conflict (token_id, key) do update set
    request_sha256 = excluded.request_sha256, status = excluded.status, body = excluded.body, etag = excluded.etag,
    created_at = excluded.created_at

-- name: forget
-- A few old answers with every new one: no sweeper is needed, and none is kept for long where the API is in use.
delete from idempotency_keys where ctid = any(array(
    select ctid from idempotency_keys where created_at <= %(since)s limit 20 for update skip locked))
