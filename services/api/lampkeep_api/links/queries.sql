-- name: link_whole
-- What a link leads to, by the hash of its token. A responder who is no longer registered is who they were when it was
-- made.
select l.alert_id, l.responder_id, coalesce(r.name, l.name) as responder_name, coalesce(r.role, l.role) as responder_role,
       a.kind, a.state, a.opened_at, a.closed_at, a.outcome, a.owner_id, a.owner_name, a.evidence, a.home_id,
       h.address, h.latitude, h.longitude,
       coalesce((select value #>> '{}' from settings where key = 'timezone'), 'Asia/Shanghai') as timezone,
       coalesce((select jsonb_agg(jsonb_build_object('id', p.resident_id, 'name', p.name, 'born', p.born,
               'phone', p.phone, 'traits', p.traits, 'notes', p.notes) order by p.position, p.resident_id)
        from residents p where p.home_id = a.home_id), '[]') as residents
from acknowledge_links l
join alerts a using (alert_id)
left join responders r on r.responder_id = l.responder_id
left join homes h using (home_id)
where l.sha256 = %(sha256)s
