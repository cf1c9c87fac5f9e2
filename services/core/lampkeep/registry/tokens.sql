-- name: insert_token
-- Nothing is inserted where the area does not exist.
insert into tokens (token_id, name, role, area_id, sha256, created_at)
select %(token_id)s, %(name)s, %(role)s, %(area_id)s, %(sha256)s, %(created_at)s
where %(area_id)s::text is null or exists (select from areas where area_id = %(area_id)s)

-- name: all_tokens
select token_id, name, role, area_id, created_at, revoked_at from tokens order by created_at, token_id

-- name: revoke_token
update tokens set revoked_at = coalesce(revoked_at, %(now)s) where token_id = %(token_id)s
returning token_id, name, role, area_id, created_at, revoked_at

-- name: token_by_hash
select token_id, name, role, area_id, created_at, revoked_at from tokens
where sha256 = %(sha256)s and revoked_at is null
