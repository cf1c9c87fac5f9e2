-- name: heartbeats
-- The newest sign of life of each service, whichever copy gave it.
select service, max(beat_at) as beat_at, count(*) filter (where beat_at > %(since)s) as copies
from service_heartbeats group by service

-- name: alerts_active
-- And in a row without a kind how many homes cannot be seen.
select kind, state, count(*) as number from alerts where closed_at is null group by kind, state
union all
select null, null, count(*) from home_watch where unobservable_since is not null
