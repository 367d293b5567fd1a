-- A reopened job or opening keeps the old values.
select source_relation, job_opening_id as id
from {{ ref('greenhouse_v3', 'greenhouse__opening_enhanced') }}
where (is_open and (closed_at is not null or application_id is not null or close_reason is not null or filled_at is not null))
    or (case when is_open then 1 else 0 end) + (case when is_filled then 1 else 0 end) + (case when is_cancelled then 1 else 0 end) <> 1
union all
select source_relation, job_id as id
from {{ ref('greenhouse_v3', 'greenhouse__job_enhanced') }}
where closed_at is not null and status <> 'closed'
