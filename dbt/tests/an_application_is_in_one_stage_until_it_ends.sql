-- `current` stays true after a rejection; is_current does not.
select source_relation, application_id
from {{ ref('greenhouse_v3', 'greenhouse__application_history') }}
where is_current
group by source_relation, application_id
having count(*) > 1 or max(case when current_status in ('hired', 'rejected', 'converted') then 1 else 0 end) = 1
