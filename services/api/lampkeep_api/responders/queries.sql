-- name: responders_page
-- By id: those who answer for the token's area (of it, below it or above it) and the families of its homes.
select r.responder_id, r.name, r.role, r.area_ids, r.phone, r.channels, r.version
from responders r
where (%(after)s::text is null or r.responder_id > %(after)s)
  and (%(responder)s::text is null or r.responder_id = %(responder)s)
  and (%(role)s::text is null or r.role = %(role)s)
  and (%(area)s::text is null
    or exists (select 1 from areas x where x.area_id = any(r.area_ids) and x.path @> array[%(area)s::text]))
  and (%(scope)s::text is null
    or exists (select 1 from areas x, areas mine
               where x.area_id = any(r.area_ids) and mine.area_id = %(scope)s
                 and (x.path @> array[mine.area_id] or mine.path @> array[x.area_id]))
    or exists (select 1 from homes h
               where r.responder_id = any(h.family)
                 and h.area_id in (select area_id from areas where path @> array[%(scope)s::text])))
order by r.responder_id
limit %(limit)s
