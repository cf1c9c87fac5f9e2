-- What earlier looks at a home left behind, what the duty room is told without an alert, and when nobody watched.

alter table home_watch add column unseen jsonb not null default '[]'; -- [[from, until], ...]: the home could not be seen
alter table home_watch add column unobservable_since timestamptz;     -- null: it can be
create index home_watch_unobservable on home_watch (unobservable_since) where unobservable_since is not null;

create index alerts_pre_alarm on alerts (home_id) where state = 'pre_alarm';

create table notes (
    note_id bigint generated always as identity primary key,
    home_id text not null references homes on delete cascade,
    what text not null,               -- a kind of alert that was lowered to a note, suspension_over, ...
    subject text not null default '',
    since timestamptz,
    noted_at timestamptz not null,
    over_at timestamptz,              -- null: it still holds
    evidence jsonb not null default '{}'
);
create unique index notes_standing on notes (home_id, what, subject) where over_at is null;
create index notes_home on notes (home_id, noted_at desc);

-- Stretches in which observations were neither received nor kept for us by the broker. No rule may judge them.
create table unwatched (
    began_at timestamptz primary key,
    ended_at timestamptz not null,
    reason text not null
);
create index unwatched_ended on unwatched (ended_at);
