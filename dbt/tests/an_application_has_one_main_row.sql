-- Prospects are considered for none, one or several jobs.
select source_relation, application_id
from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }}
group by source_relation, application_id
having sum(case when is_main_row then 1 else 0 end) <> 1
    or (count(*) > 1 and max(case when is_prospect then 1 else 0 end) = 0)
