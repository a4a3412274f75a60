package projection

// What stores are listed by changes seldom: rows that say the same already aren't touched, since even a row that is left as it is would be
// locked, and so written, by an upsert. What is counted moves by the difference between the rows and those before, which both are of one moment.
const (
	// Where a store was opened only who fills the tables knows better than the first who heard of it.
	list = `with row as materialized (
  select row.id, case when $8 or old.id is null then row.opened else old.opened end as opened, row.tenant, row.status, row.engine, row.plan, row.sorted, row.text,
    old.id is not null as known, old.tenant as old_tenant, old.status as old_status, old.engine as old_engine, old.plan as old_plan
  from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $9::text[])
    as row (id, opened, tenant, status, engine, plan, sorted, text)
  left join listed old using (id)
  where row.status <> '' and (old.id is null or $8 and old.opened <> row.opened
    or (old.tenant, old.status, old.engine, old.plan, old.text) <> (row.tenant, row.status, row.engine, row.plan, row.text))
), written as (
  insert into listed (id, opened, tenant, status, engine, plan, sorted, text)
  select id, opened, tenant, status, engine, plan, sorted, text from row
  on conflict (id) do update set opened = excluded.opened, tenant = excluded.tenant, status = excluded.status, engine = excluded.engine,
    plan = excluded.plan, sorted = excluded.sorted, text = excluded.text
), moved as (
  select tenant, engine, plan, status, 1 as stores from row
  union all
  select old_tenant, old_engine, old_plan, old_status, -1 from row where known
)
insert into listed_counts (tenant, engine, plan, status, stores)
select tenant, engine, plan, status, sum(stores) from (
  select * from moved union all select '', engine, plan, status, stores from moved
) sides group by tenant, engine, plan, status having sum(stores) <> 0
on conflict (tenant, engine, plan, status) do update set stores = listed_counts.stores + excluded.stores`

	listGrams = `insert into listed_grams (id, grams)
select row.id, string_to_array(row.grams, E'\n')
from unnest($1::text[], $2::text[]) as row (id, grams) left join listed_grams old using (id)
where old.id is null or old.grams <> string_to_array(row.grams, E'\n')
on conflict (id) do update set grams = excluded.grams`
)
