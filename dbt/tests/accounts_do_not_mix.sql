-- Ids of two accounts collide: each account has as many applications as its table.
select coalesce(marts.source_relation, applications.source_relation) as source_relation
from (
    select source_relation, count(*) as count_rows
    from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }}
    where is_main_row
    group by source_relation
) as marts
full join (
    select source_relation, count(*) as count_rows
    from {{ ref('greenhouse_v3', 'stg_greenhouse__applications') }}
    group by source_relation
) as applications on applications.source_relation = marts.source_relation
where coalesce(marts.count_rows, 0) <> coalesce(applications.count_rows, 0)
